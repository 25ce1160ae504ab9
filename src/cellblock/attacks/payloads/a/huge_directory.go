package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// 42: no limit of files ended it.
func main() {
	os.Stdout.WriteString("attempt\n")
	for made := 0; made < 32768; made++ {
		if err := os.Symlink(strings.Repeat("x", 3000), fmt.Sprintf("/tmp/%0200d", made)); err != nil {
			fmt.Println(made, err.(*os.LinkError).Err)
			if err.(*os.LinkError).Err == syscall.ENOSPC {
				return
			}
			break
		}
	}
	os.Exit(42)
}
