package main

import (
	"os"
	"strings"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	block := strings.Repeat("x", 1<<20)
	for {
		os.Stdout.WriteString(block)
		os.Stderr.WriteString(block)
	}
}
