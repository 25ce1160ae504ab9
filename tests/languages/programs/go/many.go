package main

import (
	"runtime"
	"syscall"
)

func main() {
	for range 5000 {
		go func() {
			runtime.LockOSThread()
			syscall.Nanosleep(&syscall.Timespec{Sec: 100}, nil)
		}()
	}
	syscall.Nanosleep(&syscall.Timespec{Sec: 100}, nil)
}
