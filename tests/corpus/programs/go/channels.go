package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"
)

func produce(ctx context.Context, out chan<- int) error {
	defer close(out)
	for n := 0; ; n++ {
		select {
		case out <- n:
		case <-ctx.Done():
			return fmt.Errorf("stopped: %w", ctx.Err())
		}
	}
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	numbers := make(chan int)
	ended := make(chan error, 1)
	go func() { ended <- produce(ctx, numbers) }()
	sum := 0
	for n := range numbers {
		if sum += n; n == 999 {
			cancel()
			break
		}
	}
	err := <-ended
	fmt.Println(sum, err, errors.Is(err, context.Canceled))
	var group sync.WaitGroup
	var lock sync.Mutex
	squares := map[int]int{}
	for n := range 50 {
		group.Add(1)
		go func() {
			defer group.Done()
			lock.Lock()
			defer lock.Unlock()
			squares[n] = n * n
		}()
	}
	group.Wait()
	fmt.Println(len(squares), squares)
	select {
	case <-time.After(10 * time.Millisecond):
		fmt.Println("timeout")
	case <-make(chan int):
	}
	command := exec.Command("/bin/sh", "-c", "echo from a shell; exit 4")
	output, err := command.Output()
	fmt.Printf("%q %v\n", output, err)
	var none chan int
	<-none
}
