package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const byFlock = "@WAY@" == "flock"

func open() int {
	fd, err := syscall.Open("@PATH@", syscall.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	return fd
}

func meetsOne() bool {
	if byFlock {
		return errors.Is(syscall.Flock(open(), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
	}
	asked := syscall.Flock_t{Type: syscall.F_WRLCK}
	err := syscall.FcntlFlock(uintptr(open()), syscall.F_GETLK, &asked)
	return err == nil && asked.Type != syscall.F_UNLCK
}

// See locks.py.
func main() {
	var line string
	fmt.Scanln(&line)
	fmt.Println("attempt")
	if line != "first" {
		if meetsOne() {
			os.Exit(42)
		}
		return
	}
	var err error
	if byFlock {
		err = syscall.Flock(open(), syscall.LOCK_EX)
	} else {
		err = syscall.FcntlFlock(uintptr(open()), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_RDLCK})
	}
	if err != nil {
		panic(err)
	}
	// Another program of its own meets what a stranger would; by pipes, for it may be /dev/null that is locked.
	child := exec.Command("/proc/self/exe")
	child.Stdin, child.Stdout, child.Stderr = strings.NewReader("second\n"), &bytes.Buffer{}, &bytes.Buffer{}
	child.Run()
	if child.ProcessState.ExitCode() == 42 {
		fmt.Println("held")
	}
	time.Sleep(time.Duration(@HELD_S@ * float64(time.Second)))
}
