package main

import (
	"fmt"
	"syscall"
)

// Descriptors in flight count for nobody's table: send each into a socket and close it.
func main() {
	fmt.Println("attempt")
	ones := make([]int, 200)
	for n := range ones {
		ones[n] = 1
	}
	for held := 0; ; {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			fmt.Println(held, err)
			return
		}
		for err = nil; err == nil; held += len(ones) {
			err = syscall.Sendmsg(pair[0], []byte("x"), syscall.UnixRights(ones...), nil, 0)
		}
		fmt.Println(held, err)
	}
}
