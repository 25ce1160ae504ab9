package main

import (
	"fmt"
	"os"
	"strings"
)

var won int

func judge(what string, err error) {
	if err == nil {
		won++
		fmt.Println(what)
	}
}

func touch(path string, flags int) error {
	file, err := os.OpenFile(path, flags, 0o600)
	if err == nil {
		file.Close()
	}
	if err == nil && flags&os.O_CREATE != 0 {
		os.Remove(path)
	}
	return err
}

func write(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(text)
	}
	return err
}

func read(path string) error {
	file, err := os.Open(path)
	if err == nil {
		_, err = file.Read(make([]byte, 1))
	}
	return err
}

func list(path string) error {
	found, err := os.ReadDir(path)
	if err == nil && len(found) == 0 {
		err = os.ErrNotExist
	}
	return err
}

func main() {
	fmt.Println("attempt")
	// Nothing is written to what may be opened for writing: that it may is enough.
	for _, path := range strings.Fields("@WRITES@") {
		judge(path, touch(path, os.O_WRONLY))
	}
	for _, path := range strings.Fields("@CREATES@") {
		judge(path, touch(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL))
	}
	for _, own := range strings.Split("@OWN@", ";") {
		path, text, _ := strings.Cut(own, "=")
		judge(own, write(path, text))
	}
	for _, path := range strings.Fields("@READS@") {
		judge(path, read(path))
	}
	for _, path := range strings.Fields("@LISTS@") {
		judge(path, list(path))
	}
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for _, line := range strings.Split(strings.TrimSpace(string(groups)), "\n") {
		if !strings.HasSuffix(line, ":/") {
			judge("group", nil)
		}
	}
	given, _ := os.ReadFile("/etc/hostname")
	if name, _ := os.Hostname(); strings.TrimSpace(string(given)) != name {
		judge("name", nil)
	}
	os.Exit(won)
}
