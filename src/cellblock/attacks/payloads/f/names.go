package main

import (
	"errors"
	"fmt"
	"net"
	"os"
)

func main() {
	fmt.Println("attempt")
	found, err := net.LookupHost("@MARK@.invalid")
	fmt.Println(found, err)
	var asked *net.DNSError
	// Whoever says that there is no such name was asked.
	if err == nil || errors.As(err, &asked) && asked.IsNotFound {
		os.Exit(1)
	}
}
