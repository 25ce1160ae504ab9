package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

func read(path string) string {
	told, _ := os.ReadFile(path)
	return string(told)
}

// See state.py.
func main() {
	fmt.Println("attempt")
	var left []string
	status := read("/proc/self/status")
	if !strings.Contains(status, "\nUmask:\t0022\n") {
		left = append(left, "umask")
	}
	if !strings.Contains(status, "\nSigBlk:\t0000000000000000\n") {
		left = append(left, "blocked signals")
	}
	stat := read("/proc/self/stat")
	if strings.Fields(stat[strings.LastIndex(stat, ")")+1:])[16] != "0" {
		left = append(left, "nice")
	}
	limits := regexp.MustCompile(`(?m)^Max ([a-z ]+?)  +(\S+) +(\S+)`).FindAllStringSubmatch(read("/proc/self/limits"), -1)
	for _, limit := range limits {
		hard, err := strconv.Atoi(limit[3])
		few := limit[1] == "open files" && hard < 24
		small := limit[1] == "file size" && err == nil && hard < 1<<20
		// The runtime itself raises the soft limit of descriptors, and never the hard one.
		if limit[2] != limit[3] && limit[1] != "cpu time" || few || small {
			left = append(left, fmt.Sprint("limit of ", limit[1:]))
		}
	}
	if len(limits) < 14 {
		left = append(left, "no limits to be read")
	}
	for _, place := range []string{"/tmp", "/dev/shm"} {
		if names, _ := os.ReadDir(place); len(names) > 0 {
			left = append(left, "files")
		}
	}
	if os.Getpid() > 10 {
		left = append(left, "pid")
	}
	for _, each := range os.Environ() {
		if !regexp.MustCompile(`^(PATH|HOME|LANG|LC_.*|TMPDIR|PWD|GO.*|CGO_ENABLED)=`).MatchString(each) {
			left = append(left, each)
		}
	}
	fmt.Println(left)
	if len(left) > 0 {
		os.Exit(42)
	}
}
