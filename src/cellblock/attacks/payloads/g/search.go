package main

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
)

func main() {
	fmt.Println("attempt")
	found := false
	all := strings.Join(os.Environ(), "\n")
	for _, path := range []string{"/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ", "/proc/@SERVICE_PID@/environ", "/proc/@PARENT_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@", "@DATA_DIR@/cellblock.db"} {
		told, err := os.ReadFile(path)
		fmt.Println(err)
		all += string(told)
		found = found || err == nil && strings.HasSuffix(path, ".db")
	}
	for _, path := range []string{"@DATA_DIR@", "@RUNTIME_DIR@", "/proc/1/root@DATA_DIR@", "/proc/1/root@RUNTIME_DIR@"} {
		names, _ := os.ReadDir(path)
		found = found || len(names) > 0
	}
	for _, kind := range []string{"unix", "unixpacket"} {
		_, err := net.Dial(kind, "@SOCKET@")
		found = found || err == nil
	}
	// What its own runtime opens is not among these.
	ours := regexp.MustCompile(`^(socket:|/memfd:|/sys/|anon_inode:seccomp|@DATA_DIR@|@RUNTIME_DIR@)`)
	descriptors, _ := os.ReadDir("/proc/self/fd")
	for _, each := range descriptors {
		link, _ := os.Readlink("/proc/self/fd/" + each.Name())
		if len(each.Name()) > 1 || each.Name() > "2" {
			fmt.Println(each.Name(), link)
			found = found || ours.MatchString(link)
		}
	}
	fmt.Println(all)
	if found || strings.Contains(all, "CELLBLOCK") {
		os.Exit(42)
	}
}
