package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	signal.Ignore(syscall.SIGTERM, syscall.SIGUSR1)
	for _, number := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGKILL} {
		for _, pid := range []int{-1, 0, 1, @VICTIM_PIDS@, @SUPERVISOR_PID@, os.Getppid()} {
			if pid != 0 || (number != syscall.SIGSTOP && number != syscall.SIGKILL) {
				syscall.Kill(pid, number)
			}
		}
	}
}
