package main

import (
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
)

// Of a child its parent is told whether the kernel dumped it, to a file or to the host's program: 42.
func main() {
	const core, all = 4, ^uint64(0)
	syscall.Setrlimit(core, &syscall.Rlimit{Cur: all, Max: all})
	debug.SetTraceback("crash")
	if len(os.Args) == 1 {
		os.Stdout.WriteString("attempt\n")
		child := exec.Command("/proc/self/exe", "child")
		child.Run()
		status := child.ProcessState.Sys().(syscall.WaitStatus)
		if !status.Signaled() {
			os.Exit(1)
		}
		if status.CoreDump() {
			os.Exit(42)
		}
	}
	panic("crash")
}
