package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Files of its root are read from disk again, as far as nobody else has them in use: at least a quarter.
func main() {
	fmt.Println("attempt")
	const dontNeed = 4
	advise := map[string]uintptr{"amd64": 221, "arm64": 223}[runtime.GOARCH]
	total, end, block := 0, time.Now().Add(2*time.Second), make([]byte, 1<<16)
	again := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NOFOLLOW, 0)
		if err != nil {
			return nil
		}
		syscall.Syscall6(advise, uintptr(fd), 0, 0, dontNeed, 0, 0)
		for size, _ := syscall.Read(fd, block); size > 0; size, _ = syscall.Read(fd, block) {
			total += size
		}
		syscall.Close(fd)
		if total > 600<<20 || time.Now().After(end) {
			return errors.New("enough")
		}
		return nil
	}
	if filepath.WalkDir("/opt", again) == nil {
		filepath.WalkDir("/usr", again)
	}
	fmt.Println("held", total/4)
}
