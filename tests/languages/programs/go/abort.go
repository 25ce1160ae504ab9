package main

import "runtime/debug"

func main() {
	debug.SetTraceback("crash")
	panic("ends by a signal")
}
