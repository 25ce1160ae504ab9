for n in 3 1 2; do { sleep "0.0$n"; echo "job $n" > "job$n"; exit "$n"; } & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; printf '%s ' $?; done; echo
cat job?
coproc upper { tr a-z A-Z; }
echo "to the coprocess" >&"${upper[1]}"; exec {upper[1]}>&-; cat <&"${upper[0]}"; wait
mkfifo pipe; { echo through a fifo > pipe & }; read -r line < pipe; echo "$line"
timeout 0.05 sleep 5; echo "timeout $?"
exec bash -c 'echo replaced "$0" "$@"; exit 77' zero one "two words"
