package main

import (
	"os"
	"runtime"
	"syscall"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	for {
		go func() {
			runtime.LockOSThread()
			syscall.Pause()
		}()
	}
}
