package main

import (
	"fmt"
	"syscall"
)

func main() {
	fmt.Println("attempt")
	for _, pid := range []int{@SERVICE_PID@, @SUPERVISOR_PID@, @PARENT_PID@, @VICTIM_PIDS@, @SPAWNER_PID@, @ZYGOTE_PID@, @WAITING_INIT_PID@, @WAITING_PID@, 1} {
		fmt.Println(syscall.Kill(pid, syscall.SIGKILL))
	}
}
