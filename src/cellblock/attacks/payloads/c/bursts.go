package main

import (
	"os"
	"os/exec"
)

// Short-lived children, each gone before anybody looks.
func main() {
	if len(os.Args) > 1 {
		for n := 0; n < 20000000; n++ {
		}
		return
	}
	os.Stdout.WriteString("attempt\n")
	for {
		exec.Command("/proc/self/exe", "burst").Run()
	}
}
