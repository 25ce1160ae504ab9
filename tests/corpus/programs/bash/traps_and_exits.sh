trap 'echo "exit trap, status $?"' EXIT
trap 'echo "error on line $LINENO" >&2' ERR
trap 'echo usr1' USR1
kill -USR1 $$
(exit 3) || echo "subshell $?"
( trap - EXIT; kill -TERM $BASHPID ) 2> /dev/null; echo "terminated $?"
false
undefined_command_of_ours one two
cd /nonexistent
set -u
echo "${never_set}"
echo unreachable
