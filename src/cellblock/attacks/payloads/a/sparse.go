package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("attempt")
	file, _ := os.Create("/box/sparse")
	fmt.Println(file.Truncate(1 << 40))
}
