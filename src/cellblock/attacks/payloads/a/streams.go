package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	for fd := 0; fd < 3; fd++ {
		path := fmt.Sprintf("/proc/self/fd/%d", fd)
		// Beside the file that a stream is, where it is one.
		stream, _ := os.Readlink(path)
		found, _ := os.ReadFile(filepath.Join(filepath.Dir(stream), "secret"))
		os.Stdout.Write(found)
		syscall.Fchmod(fd, 0o777)
		syscall.Fchown(fd, 0, 0)
		syscall.Ftruncate(fd, 1<<40)
		os.Chmod(path, 0)
		syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), 1031, 1<<30) // F_SETPIPE_SZ
		syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, syscall.O_DIRECT|syscall.O_NONBLOCK)
		syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), 8, 1) // F_SETOWN
		syscall.Pwrite(fd, []byte("x"), 0)
		syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK, 0)
		os.Rename(path, "/box/x")
	}
}
