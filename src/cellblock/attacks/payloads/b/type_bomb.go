package main

type A [1 << 20]struct{ a, b, c, d [1 << 10]int }

var kept [64]A

func main() { println(len(kept)) }
