package main

// #cgo CFLAGS: -fplugin=@TARGET@
// #cgo LDFLAGS: -Wl,-T,@TARGET@
// #include "@TARGET@"
import "C"

func main() { println("attempt") }
