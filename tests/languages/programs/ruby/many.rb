# Ruby itself waits and tries again where it cannot fork or start a thread; what it becomes here does not.
exec "sh", "-c", "while :; do sleep 100 & done"
