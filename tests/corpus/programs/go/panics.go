package main

import (
	"fmt"
	"os"
)

type refused struct{ amount int }

func (r refused) Error() string { return fmt.Sprintf("cannot take %d: größer", r.amount) }

func recovered() (err error) {
	defer func() { err = fmt.Errorf("recovered: %v", recover()) }()
	var missing map[string]int
	missing["x"] = 1
	return nil
}

//go:noinline
func deeper() {
	defer fmt.Println("deferred")
	panic(refused{12})
}

func main() {
	fmt.Println(recovered())
	fmt.Fprintln(os.Stderr, "to stderr")
	deeper()
}
