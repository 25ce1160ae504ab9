package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	reader := bufio.NewReader(os.Stdin)
	first, _ := reader.ReadString('\n')
	rest, _ := io.ReadAll(reader)
	fmt.Printf("%q %d\n", first, len(rest))
	os.MkdirAll("a/b", 0o755)
	os.WriteFile("a/b/ü", rest, 0o640)
	filepath.Walk("a", func(path string, info os.FileInfo, err error) error {
		fmt.Println(path, info.Mode())
		return err
	})
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-got)
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	select {}
}
