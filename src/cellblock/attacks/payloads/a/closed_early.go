package main

import "syscall"

func main() {
	syscall.Write(1, []byte("attempt\n"))
	for fd := 0; fd < 64; fd++ {
		syscall.Close(fd)
	}
	syscall.Open("/dev/full", syscall.O_RDWR, 0)
	syscall.Open("/dev/full", syscall.O_RDWR, 0)
	for n := 0; n < 100000; n++ {
		syscall.Write(1, []byte("x"))
	}
}
