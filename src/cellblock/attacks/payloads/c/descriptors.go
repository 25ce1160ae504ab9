package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// Files in flight are in nobody's table: send fresh ones into a socket, close them, open more. 42: nobody refuses.
func main() {
	fmt.Println("attempt")
	sent := 0
	var refused error
	for refused == nil && sent < 8000 {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		refused = err
		for err == nil && sent < 8000 {
			var fresh []int
			for len(fresh) < 200 {
				fd, full := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
				if full != nil {
					break
				}
				fresh = append(fresh, fd)
			}
			if len(fresh) == 0 {
				refused = syscall.EMFILE
				break
			}
			err = syscall.Sendmsg(pair[0], []byte("x"), syscall.UnixRights(fresh...), nil, 0)
			if err == nil {
				sent += len(fresh)
			} else if err != syscall.EAGAIN {
				refused = err
			}
			for _, fd := range fresh {
				syscall.Close(fd)
			}
		}
	}
	number, _ := refused.(syscall.Errno)
	fmt.Printf("sent %d, then %d\n", sent, number)
	time.Sleep(300 * time.Millisecond) // the host counts them
	if sent >= 8000 {
		os.Exit(42)
	}
}
