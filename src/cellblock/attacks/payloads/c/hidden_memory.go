package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

var block = make([]byte, 1<<16)

func at(number uintptr, arguments ...uintptr) int {
	var six [6]uintptr
	copy(six[:], arguments)
	result, _, errno := syscall.Syscall6(number, six[0], six[1], six[2], six[3], six[4], six[5])
	if errno != 0 {
		fmt.Println(errno)
		return -1
	}
	return int(result)
}

func text(value string) uintptr {
	address, _ := syscall.BytePtrFromString(value)
	kept = append(kept, address)
	return uintptr(unsafe.Pointer(address))
}

var kept []*byte

func touch(area uintptr, size int) {
	for n := 0; n < size; n += 4096 {
		*(*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&area))) = 1
		area += 4096
	}
}

var held, told int

// Each goes on until it is refused; what it holds it keeps until the end, and says how much that is.
func hold(size int) {
	held += size
	if held-told >= 1<<20 {
		fmt.Println("held", held)
		told = held
	}
	if held >= 2<<30 {
		os.Exit(42) // nobody refuses
	}
}

func shared() {
	for {
		area, err := syscall.Mmap(-1, 0, 1<<20, syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
		if err != nil {
			fmt.Println(err)
			return
		}
		for n := 0; n < len(area); n += 4096 {
			area[n] = 1
		}
		hold(len(area))
	}
}

func memfd() {
	number := map[string]uintptr{"amd64": 319, "arm64": 279}[runtime.GOARCH]
	for fd := at(number, text("x"), 0); fd >= 0; fd = at(number, text("x"), 0) {
		for n := 0; n < 15; n++ {
			if n, _ := syscall.Write(fd, block); n > 0 {
				hold(n)
			}
		}
	}
}

func tmpfs(place string) {
	for number := 0; ; number++ {
		if err := os.WriteFile(fmt.Sprintf("%s/%d", place, number), make([]byte, 1000000), 0o600); err != nil {
			fmt.Println(err)
			return
		}
		hold(1000000)
	}
}

func sysv() {
	for {
		area := at(syscall.SYS_SHMAT, uintptr(at(syscall.SYS_SHMGET, 0, 1<<20, 0o1777)), 0, 0)
		if area == -1 {
			return
		}
		touch(uintptr(area), 1<<20)
		hold(1 << 20)
	}
}

func pipes() {
	for ends := make([]int, 2); syscall.Pipe2(ends, syscall.O_NONBLOCK) == nil; {
		at(syscall.SYS_FCNTL, uintptr(ends[1]), 1031, 1<<20)
		for n, _ := syscall.Write(ends[1], block); n > 0; n, _ = syscall.Write(ends[1], block) {
			hold(n)
		}
	}
}

func sockets() {
	for {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			fmt.Println(err)
			return
		}
		syscall.SetsockoptInt(pair[0], syscall.SOL_SOCKET, syscall.SO_SNDBUF, 1<<30)
		for n, _ := syscall.Write(pair[0], block); n > 0; n, _ = syscall.Write(pair[0], block) {
			hold(n)
		}
	}
}

func messages() {
	block[0] = 1
	for queue := 0; queue >= 0; {
		queue = at(syscall.SYS_MSGGET, 0, 0o1777)
		for queue >= 0 && at(syscall.SYS_MSGSND, uintptr(queue), uintptr(unsafe.Pointer(&block[0])), 8000, 0o4000) == 0 {
			hold(8000)
		}
	}
}

func semaphores() {
	for at(syscall.SYS_SEMGET, 0, 32000, 0o1777) >= 0 {
		hold(32000 * 64) // each is on a cache line of its own
	}
}

func queues() {
	for queue, number := 0, 0; queue >= 0; number++ {
		queue = at(syscall.SYS_MQ_OPEN, text(fmt.Sprint(number)), syscall.O_CREAT|syscall.O_RDWR|syscall.O_NONBLOCK, 0o666, 0)
		for queue >= 0 && at(syscall.SYS_MQ_TIMEDSEND, uintptr(queue), uintptr(unsafe.Pointer(&block[0])), 8000, 0, 0) == 0 {
			hold(8000)
		}
	}
}

func main() {
	fmt.Println("attempt")
	@WAY@
	fmt.Println("held", held)
}
