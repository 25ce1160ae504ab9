package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	fmt.Println("Grüße ∑ 日本語 🚀")
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	fmt.Println(in.Text())
}
