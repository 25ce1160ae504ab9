package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("attempt")
	bytes := make([]byte, 900_000)
	for _, place := range []string{"/box", "/tmp", "/dev/shm", "/out", "/var/tmp", "/run", ""} {
		for number := 0; os.WriteFile(fmt.Sprintf("%s/fill%d", place, number), bytes, 0600) == nil; number++ {
		}
	}
}
