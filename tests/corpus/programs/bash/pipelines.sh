set -o pipefail
seq 1 2000 | awk '{ s += $1 * $1 } END { print s }' | tee sum | rev
false | true; echo "status $? ${PIPESTATUS[*]}"
diff <(printf 'a\nb\nc\n') <(printf 'a\nB\nc\n'); echo "diff $?"
while IFS=: read -r name value; do printf '%s=%5.2f\n' "$name" "$value"; done <<'END' | sort -t= -k2 -n
zeta:3.14159
ärger:-1
beta:100
END
echo "a b  c" | { read -r x rest; echo "$rest|$x"; }
head -c 100000 /dev/zero | tr '\0' 'x' | wc -c
yes | head -n 3
grep -c . < sum; sort -u <<< $'b\na\nb' | paste -sd,
exec 3> third; echo to three >&3; exec 3>&-; cat third; cat nothing; echo $?
