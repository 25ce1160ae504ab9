package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	fmt.Println("attempt")
	all := strings.Join(os.Environ(), "\n")
	for _, path := range []string{"/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@"} {
		told, err := os.ReadFile(path)
		fmt.Println(err)
		all += string(told)
	}
	fmt.Println(all)
	if strings.Contains(all, "CELLBLOCK") {
		os.Exit(42)
	}
}
