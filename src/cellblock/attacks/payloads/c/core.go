package main

import (
	"os"
	"runtime/debug"
	"syscall"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	const core, all = 4, ^uint64(0)
	syscall.Setrlimit(core, &syscall.Rlimit{Cur: all, Max: all})
	debug.SetTraceback("crash")
	panic("crash")
}
