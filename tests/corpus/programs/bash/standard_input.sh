read -r first; echo "first: $first"
sum=0; while read -r word number || [[ -n $word ]]; do (( sum += number )); echo "$word" >&2; done
echo "$sum"; read -r more; echo "end $?"
