package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// 42: a file is where none may be, or no limit of bytes ended it.
func main() {
	fmt.Println("attempt")
	for _, place := range []string{"/out", "/var/tmp", "/run", ""} {
		if os.WriteFile(place+"/fill", nil, 0o600) == nil {
			os.Exit(42)
		}
	}
	bytes, made := make([]byte, 900_000), 0
	for _, place := range []string{"/box", "/tmp", "/dev/shm"} {
		for {
			if made++; made > 1200 {
				os.Exit(42)
			}
			if err := os.WriteFile(fmt.Sprintf("%s/fill%d", place, made), bytes, 0o600); err != nil {
				fmt.Println(place, made, err)
				if !errors.Is(err, syscall.ENOSPC) {
					os.Exit(42)
				}
				break
			}
		}
	}
}
