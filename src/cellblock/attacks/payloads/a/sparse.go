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
		for _, deed := range []func() error{
			func() error { return syscall.Ftruncate(fd, 1<<40) },
			func() error { return syscall.Fallocate(fd, 0, 0, 1<<40) },
			func() error { _, err := syscall.Pwrite(fd, []byte("x"), 1<<40); return err },
		} {
			if err := deed(); err != syscall.EFBIG {
				fmt.Println(err)
				os.Exit(42)
			}
		}
	}
}
