package main

import "unsafe"

// @ASK@
// extern const char told[];
import "C"

func main() { println("attempt", C.GoString((*C.char)(unsafe.Pointer(&C.told)))) }
