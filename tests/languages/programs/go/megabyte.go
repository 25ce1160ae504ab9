package main

import (
	"bufio"
	"os"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for range 65536 {
		out.WriteString("0123456789abcde\n")
	}
}
