package main

import "os"

var kept [][]byte

func main() {
	os.Stdout.WriteString("attempt\n")
	for {
		block := make([]byte, 1<<20)
		for n := range block {
			block[n] = 1
		}
		kept = append(kept, block)
	}
}
