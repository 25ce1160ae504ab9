package main

import "bytes"

var chunks [][]byte

func main() {
	for {
		chunks = append(chunks, bytes.Repeat([]byte("x"), 1_000_000))
	}
}
