package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
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
	if len(left) > 0 {
		fmt.Println(left)
		os.Exit(42)
	}
	leave()
}

// For the run after it to find.
func leave() {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	must(os.WriteFile("/tmp/left", nil, 0o600))
	must(os.WriteFile("/dev/shm/left", nil, 0o600))
	must(os.Setenv("LEFT", "1"))
	must(os.Chdir("/tmp"))
	syscall.Umask(0)
	all := ^uint64(0)
	syscall.Syscall6(syscall.SYS_RT_SIGPROCMASK, 0, uintptr(unsafe.Pointer(&all)), 0, 8, 0, 0)
	for _, pid := range []int{os.Getppid(), os.Getpid()} {
		err := syscall.Setpriority(syscall.PRIO_PROCESS, pid, 3)
		for kind, most := range map[uintptr]uint64{syscall.RLIMIT_NOFILE: 16, syscall.RLIMIT_FSIZE: 1 << 16} {
			limit := uintptr(unsafe.Pointer(&syscall.Rlimit{Cur: most, Max: most}))
			_, _, errno := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(pid), kind, limit, 0, 0, 0)
			if errno != 0 {
				err = errno
			}
		}
		if pid == os.Getpid() {
			must(err)
		}
	}
}
