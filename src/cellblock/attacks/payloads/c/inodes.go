package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("attempt")
	for made := 0; ; made++ {
		file, err := os.Create(fmt.Sprintf("/tmp/%d", made))
		if err != nil {
			fmt.Println(made, err)
			return
		}
		file.Close()
	}
}
