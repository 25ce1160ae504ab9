package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// 42: no limit of files ended it.
func main() {
	fmt.Println("attempt")
	for made := 0; made < 32768; made++ {
		file, err := os.Create(fmt.Sprintf("/tmp/%d", made))
		if err != nil {
			fmt.Println(made, err)
			if errors.Is(err, syscall.ENOSPC) {
				return
			}
			break
		}
		file.Close()
	}
	os.Exit(42)
}
