package main

import (
	"os"
	"os/exec"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	for {
		exec.Command("/proc/self/exe").Start()
	}
}
