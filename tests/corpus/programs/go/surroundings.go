package main

import (
	"fmt"
	"os"
	"sort"
	"syscall"
)

func main() {
	env := os.Environ()
	sort.Strings(env)
	cwd, _ := os.Getwd()
	fmt.Printf("%q %q %q\n", os.Args, env, cwd)
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_STACK, &limit)
	fmt.Println(limit, syscall.Umask(0o22))
	entries, _ := os.ReadDir(".")
	for _, e := range entries {
		info, _ := e.Info()
		fmt.Println(e.Name(), info.Mode(), info.Size() > 0)
	}
	_, err := os.Open("/nonexistent")
	fmt.Println(err, os.IsNotExist(err))
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(17)
}
