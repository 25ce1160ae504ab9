package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("before")
	fmt.Fprintln(os.Stderr, "failing")
	os.Exit(3)
}
