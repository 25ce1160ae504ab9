package main

import (
	_ "embed"
	"fmt"

	"example.com/numbers/internal/sums"
)

//go:embed data.txt
var data string

func main() {
	fmt.Println(sums.Total(data))
}
