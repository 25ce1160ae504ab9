package main

import (
	"fmt"

	"app/lib"
)

func main() {
	fmt.Println(lib.Answer)
}
