package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// 42: the file is as long as it likes.
func main() {
	fmt.Println("attempt")
	file, err := os.Create("/box/file")
	size, block := 0, make([]byte, 1<<16)
	for written := 0; err == nil && size < 64<<20; size += written {
		written, err = file.Write(block)
	}
	fmt.Println(size, "bytes, then", err)
	if !errors.Is(err, syscall.EFBIG) {
		os.Exit(42)
	}
}
