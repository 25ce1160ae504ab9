printf '[%s]' "$0" "$@" "$PWD" "$#" "$-" "$IFS" "$BASH_VERSION" "$SHLVL" "$OPTIND"; echo
env | sort
set -o; shopt | head -60
umask; ulimit -n; ulimit -s; ulimit -c
trap -p; jobs; alias; declare -F
ls -a . ; ls /proc/self/fd | wc -l
declare -p BASH_SOURCE FUNCNAME DIRSTACK PATH HOME LANG
