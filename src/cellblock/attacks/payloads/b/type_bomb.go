package main

type A [1 << 30]byte

var kept = [...]*A{{1<<30 - 1: 1}, {1<<30 - 1: 2}, {1<<30 - 1: 3}, {1<<30 - 1: 4}}

func main() { println(len(kept)) }
