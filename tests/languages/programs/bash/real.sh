# Numbers, words, matrices and a stack machine, with nothing but the shell (and sort).
set -euo pipefail
shopt -s extglob

gcd() {
    local a=$1 b=$2
    while ((b)); do
        ((a %= b)) || true
        local t=$a
        a=$b
        b=$t
    done
    echo "$a"
}

sieve() {
    local -i limit=$1 i j
    local -a composite=()
    primes=()
    for ((i = 2; i <= limit; i++)); do
        [[ -n ${composite[i]-} ]] && continue
        primes+=("$i")
        for ((j = i * i; j <= limit; j += i)); do
            composite[j]=1
        done
    done
}

roman() {
    local -i n=$1 i
    local text='' values=(1000 900 500 400 100 90 50 40 10 9 5 4 1)
    local numerals=(M CM D CD C XC L XL X IX V IV I)
    for i in "${!values[@]}"; do
        while ((n >= values[i])); do
            text+=${numerals[i]}
            n=$((n - values[i]))
        done
    done
    echo "$text"
}

reverse() {
    local text=$1 result='' i
    for ((i = ${#text} - 1; i >= 0; i--)); do
        result+=${text:i:1}
    done
    echo "$result"
}

base() {
    local -i n=$1 to=$2
    local digits=0123456789abcdefghijklmnopqrstuvwxyz result=''
    while ((n > 0)); do
        result=${digits:n % to:1}$result
        n=$((n / to))
    done
    echo "${result:-0}"
}

hanoi() {
    local -i n=$1
    if ((n > 0)); then
        hanoi $((n - 1)) "$2" "$4" "$3"
        moves=$((moves + 1))
        hanoi $((n - 1)) "$4" "$3" "$2"
    fi
}

multiply() {
    local -n left=$1 right=$2 product=$3
    local -i size=$4 i j k sum
    product=()
    for ((i = 0; i < size; i++)); do
        for ((j = 0; j < size; j++)); do
            sum=0
            for ((k = 0; k < size; k++)); do
                sum+=$((left[i * size + k] * right[k * size + j]))
            done
            product[i * size + j]=$sum
        done
    done
}

calculate() {
    local -a stack=()
    local word a b
    for word in $1; do
        case $word in
        +([0-9])) stack+=("$word") ;;
        [-+x/])
            b=${stack[-1]} a=${stack[-2]}
            unset 'stack[-1]' 'stack[-1]'
            stack+=($((a ${word/x/*} b)))
            ;;
        *)
            echo "unknown: $word" >&2
            return 1
            ;;
        esac
    done
    echo "${stack[0]}"
}

count_words() {
    local -A counts=()
    local word
    while read -r -a words; do
        for word in "${words[@]}"; do
            word=${word,,}
            word=${word//[^a-zäöü]/}
            [[ -n $word ]] && counts[$word]=$((${counts[$word]:-0} + 1))
        done
    done
    for word in "${!counts[@]}"; do
        echo "${counts[$word]} $word"
    done | sort -k1,1nr -k2 | head -n 3
}

echo "gcd $(gcd 1071 462)"
sieve 1000
echo "primes ${#primes[@]} last ${primes[-1]}"
echo "roman $(roman 1994) $(roman 2026)"
echo "reverse $(reverse 'größer')"
echo "base $(base 255 2) $(base 48879 16) $(base 0 7)"
moves=0
hanoi 8 a b c
echo "hanoi $moves"
fibonacci=(1 1 1 0) power=(1 0 0 1)
for ((step = 0; step < 90; step++)); do
    multiply power fibonacci next 2
    power=("${next[@]}")
done
echo "fibonacci ${power[1]}"
echo "stack $(calculate '3 4 + 2 x 7 /') $(calculate '2 nonsense' 2>&1 || true)"
count_words <<'TEXT'
The fox and the hen: the fox ran, the hen ran, and the
übermütige hen laughed.
TEXT
text='2026-11-22T14:05'
[[ $text =~ ^([0-9]+)-([0-9]+)-([0-9]+)T ]] && echo "date ${BASH_REMATCH[3]}.${BASH_REMATCH[2]}.${BASH_REMATCH[1]}"
(exit 7) || echo "status $?"
trap 'echo "goodbye"' EXIT
