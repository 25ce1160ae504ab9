package main

import "fmt"

func main() {
	fmt.Println("attempt")
	for n := 0; n < 8; n++ {
		go func() {
			for {
			}
		}()
	}
	for {
	}
}
