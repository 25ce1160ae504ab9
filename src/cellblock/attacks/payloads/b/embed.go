package main

import (
	_ "embed"
	"fmt"
)

//go:embed @TARGET@
var told string

func main() { fmt.Println(told) }
