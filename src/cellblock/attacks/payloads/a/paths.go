package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("attempt")
	for _, way := range []string{"", "/proc/self/root", "/proc/1/root", "/proc/self/cwd/../../../..", "/.."} {
		for _, place := range []string{"@CANARY_DIR@", "@CANARY_DIR_TWO@", "@CANARY_DIR_THREE@"} {
			told, err := os.ReadFile(way + place + "/secret")
			fmt.Println(string(told), err)
			fmt.Println(os.WriteFile(way+place+"/open", []byte("x"), 0o666))
			fmt.Println(os.WriteFile(way+place+"/written", []byte("x"), 0o666))
			fmt.Println(os.Symlink("/etc/shadow", way+place+"/link"))
			fmt.Println(os.Remove(way + place + "/open"))
		}
	}
}
