package main

import (
	"os"
	"os/signal"
)

func main() {
	os.Stdout.WriteString("attempt\n")
	signal.Notify(make(chan os.Signal, 1))
	for {
	}
}
