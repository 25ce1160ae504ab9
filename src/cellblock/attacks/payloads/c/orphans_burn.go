package main

import (
	"os"
	"syscall"
)

func main() {
	for len(os.Args) > 1 {
	}
	os.Stdout.WriteString("attempt\n")
	for n := 0; n < 4; n++ {
		syscall.ForkExec("/proc/self/exe", []string{"main", "burn"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
	}
}
