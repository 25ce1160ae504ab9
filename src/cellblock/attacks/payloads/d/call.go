package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	fmt.Println("attempt")
	result, _, errno := syscall.RawSyscall6(@CALL@)
	fmt.Println(result, errno)
	if errno == 0 {
		os.Exit(42)
	}
}
