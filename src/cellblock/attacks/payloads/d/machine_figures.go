package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	var told syscall.Sysinfo_t
	fmt.Println("attempt")
	err := syscall.Sysinfo(&told)
	fmt.Println(err, told)
	if err == nil && uint64(told.Totalram)*uint64(told.Unit) == @MEMORY_BYTES@ {
		os.Exit(1)
	}
}
