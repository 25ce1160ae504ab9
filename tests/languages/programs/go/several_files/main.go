package main

import (
	"fmt"

	"app/shapes"
	"app/shapes/words"
)

func main() {
	r := shapes.Rectangle{Width: 3, Height: 4}
	fmt.Println("area", r.Area())
	fmt.Println("perimeter", r.Perimeter())
	fmt.Println(words.Greeting(place()))
}
