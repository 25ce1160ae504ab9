package main

import (
	"fmt"
	"os"
	"syscall"
)

// See links.py.
func leave(kind int, path, before string) error {
	switch kind {
	case 0:
		return os.Symlink("@SECRET@", path)
	case 1:
		if os.Link("@SECRET@", path) == nil {
			return nil
		}
		return os.Link(before, path)
	case 2:
		return os.Symlink("@CANARY_DIR@/open", path)
	case 3:
		return os.Symlink("@CANARY_DIR@", path)
	case 4:
		return syscall.Mkfifo(path, 0o666)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(err)
	return syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	fmt.Println("attempt")
	syscall.Umask(0)
	names := []string{"main.go", "stdout", "stderr", "main", "stdin", "result",
		"output", "out", "core", "compile.log", "code", "box"}
	for shift, place := range []string{"/box", "/tmp", "/dev/shm", "/out"} {
		before := ""
		for number, name := range names {
			path := place + "/" + name
			os.Remove(path)
			if err := leave((number+2*shift)%6, path, before); place != "/out" { // the compiler's
				must(err)
			}
			before = path
		}
	}
	must(os.Mkdir("/box/deep", 0o777))
	must(syscall.Chdir("/box/deep"))
	for range 2000 {
		must(syscall.Mkdir("d", 0o777))
		must(syscall.Chdir("d"))
	}
	must(os.Symlink("@CANARY_DIR@", "bait"))
	must(os.Chmod("/box", 0))
}
