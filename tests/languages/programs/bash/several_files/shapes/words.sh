greeting() { echo "Hello from below"; }
