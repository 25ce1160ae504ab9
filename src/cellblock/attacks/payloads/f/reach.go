package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	fmt.Println("attempt")
	reached := 0
	for _, way := range [][2]string{
		{"tcp", "127.0.0.1:@TCP_PORT@"}, {"tcp6", "[::1]:@TCP6_PORT@"}, {"udp", "127.0.0.1:@UDP_PORT@"},
		{"unix", "@@ABSTRACT@"}, {"unix", "@UNIX@"},
	} {
		connection, err := net.DialTimeout(way[0], way[1], time.Second)
		if err == nil {
			_, err = connection.Write([]byte("reached"))
		}
		fmt.Println(err)
		if err == nil && way[0] != "udp" {
			reached++
		}
	}
	os.Exit(reached)
}
