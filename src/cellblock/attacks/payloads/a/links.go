package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	fmt.Println("attempt")
	for _, place := range []string{"/box", "/tmp", "/dev/shm", "/out"} {
		for number, name := range []string{"main.go", "main", "stdout", "stderr", "stdin", "out", "output", "core"} {
			path := place + "/" + name
			os.Remove(path)
			if number%2 == 0 {
				os.Symlink("@CANARY_DIR@/open", path)
			} else {
				syscall.Mkfifo(path, 0o666)
			}
		}
	}
	os.Chmod("/box", 0)
}
