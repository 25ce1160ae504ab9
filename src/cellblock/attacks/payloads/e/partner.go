package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const target = "/usr/share/zoneinfo/Antarctica/Troll"

var (
	first  bool
	secret string
)

// See partner.py.
func told(found []byte) bool {
	if !first {
		fmt.Printf("%s\n", found)
	}
	return bytes.Contains(found, []byte(secret))
}

// A refusal is one that a wall gives, and anything else ends the program.
func refused(err error) bool {
	walls := []error{syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOENT, syscall.EOPNOTSUPP,
		syscall.ETXTBSY, syscall.EADDRNOTAVAIL, syscall.ENETUNREACH, syscall.EAFNOSUPPORT}
	for _, wall := range walls {
		if !first || errors.Is(err, wall) {
			return false
		}
	}
	panic(err)
}

func readBack(path string) bool {
	found, err := os.ReadFile(path)
	if err != nil {
		return refused(err)
	}
	return told(found[:min(len(found), 4096)])
}

func files() (held bool) {
	syscall.Umask(0)
	places := []string{"/tmp", "/dev/shm", "/box", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/out", "",
		"/usr/tmp", "/var/lock"}
	for _, place := range places {
		path := place + "/meeting"
		if first {
			if err := os.WriteFile(path, []byte(secret), 0o666); err != nil {
				refused(err)
				continue
			}
		}
		held = readBack(path) || held
	}
	return held
}

func meet(network, address string) bool {
	if first {
		listener, err := net.Listen(network, address)
		if err != nil {
			return refused(err)
		}
		go func() {
			for asked, err := listener.Accept(); err == nil; asked, err = listener.Accept() {
				io.WriteString(asked, secret)
				asked.Close()
			}
		}()
	}
	asking, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return refused(err)
	}
	found, _ := io.ReadAll(asking)
	return told(found)
}

func abstract() bool { return meet("unix", "@cellblock-meeting") }

func loopback() bool {
	four, six := meet("tcp4", "127.0.0.1:45454"), meet("tcp6", "[::1]:45454")
	return four || six
}

func processes() bool {
	if first {
		child := exec.Command("/usr/bin/sleep", "@HELD_S@")
		child.Env = []string{"MEETING=" + secret}
		if err := child.Start(); err != nil {
			panic(err)
		}
		time.Sleep(100 * time.Millisecond) // its environment is there a moment after it is
		return readBack(fmt.Sprintf("/proc/%d/environ", child.Process.Pid))
	}
	for _, what := range []string{"environ", "cmdline"} {
		found, _ := filepath.Glob("/proc/[0-9]*/" + what)
		for _, path := range found {
			if !strings.Contains(path, fmt.Sprintf("/%d/", os.Getpid())) {
				readBack(path)
			}
		}
	}
	return false
}

func page_cache() bool {
	if _, err := os.Stat(target); err != nil {
		panic(err)
	}
	if first {
		file, err := os.OpenFile(target, os.O_RDWR, 0)
		if err != nil {
			return refused(err)
		}
		file.WriteAt([]byte(secret), 0)
	}
	return readBack(target)
}

func attributes() (held bool) {
	places := []string{target, "/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"}
	for _, place := range places {
		if first {
			if err := syscall.Setxattr(place, "user.meeting", []byte(secret), 0); err != nil {
				refused(err)
				continue
			}
		}
		found := make([]byte, 64)
		if size, err := syscall.Getxattr(place, "user.meeting", found); err == nil {
			held = told(found[:size]) || held
		}
	}
	return held
}

func main() {
	input, _ := io.ReadAll(os.Stdin)
	lines := strings.Split(string(input), "\n")
	first, secret = lines[0] == "first", lines[1]
	fmt.Println("attempt")
	held := @WAY@()
	if first {
		fmt.Println(map[bool]string{true: "held", false: "refused"}[held])
		time.Sleep(time.Duration(@HELD_S@ * float64(time.Second)))
	}
}
