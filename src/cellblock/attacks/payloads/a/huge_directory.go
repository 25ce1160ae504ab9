package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	for made := 0; ; made++ {
		if err := os.Symlink(strings.Repeat("x", 3000), fmt.Sprintf("/tmp/%0200d", made)); err != nil {
			fmt.Println(made, err.(*os.LinkError).Err)
			return
		}
	}
}
