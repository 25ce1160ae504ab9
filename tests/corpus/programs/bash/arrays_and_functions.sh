declare -A ages=([zoë]=30 [adam]=41)
for name in $(printf '%s\n' "${!ages[@]}" | sort); do echo "$name ${ages[$name]}"; done
list=(one "two words" 日本語); list+=(four); unset 'list[0]'
printf '<%s>' "${list[@]}" "${!list[@]}" "${#list[@]}" "${list[-1]:1:2}"; echo
fib() { local n=$1; (( n < 2 )) && { echo "$n"; return; }; echo $(( $(fib $((n-1))) + $(fib $((n-2))) )); }
fib 9
s="The Quick brown"; echo "${s,,}" "${s^^}" "${s//[aeiou]/_}" "${s#* }" "${s%% *}" "${#s}" "${s@Q}"
printf '%05d|%x|%e|%s|%q\n' 42 255 12345.678 "ü" $'tab\there'
case "file.tar.gz" in *.tar.*) echo archive ;;& *.gz) echo zipped ;; *) echo no ;; esac
[[ "2024-05-06" =~ ^([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[@]}"
echo $(( 7 / -2 )) $(( -7 % 3 )) $(( 2 ** 62 )) $(( 9223372036854775807 + 1 )) $(( 16#ff )) {1..5} {a..e..2}
select_me() { local -n ref=$1; ref=changed; }; v=x; select_me v; echo "$v"
mapfile -t rows < <(printf '%s\n' a b c); echo "${rows[*]}"
