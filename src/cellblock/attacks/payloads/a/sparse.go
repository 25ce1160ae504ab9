package main

import (
	"fmt"
	"os"
	"syscall"
)

// 42: one of them was made.
func main() {
	fmt.Println("attempt")
	for _, place := range []string{"/box/sparse", "/tmp/sparse", "/dev/shm/sparse"} {
		file, err := os.Create(place)
		if err != nil {
			panic(err)
		}
		fd := int(file.Fd())
		_, written := syscall.Pwrite(fd, []byte("x"), 1<<40)
		for _, err := range []error{syscall.Ftruncate(fd, 1<<40), syscall.Fallocate(fd, 0, 0, 1<<40), written} {
			fmt.Println(err)
			if err != syscall.EFBIG {
				os.Exit(42)
			}
		}
	}
}
