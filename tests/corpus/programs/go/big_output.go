package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for n := 0; n < 30000; n++ {
		fmt.Fprintf(out, "%d %s\n", n, strings.Repeat("é", n%40))
		if n%1000 == 0 {
			fmt.Fprintln(os.Stderr, n)
		}
	}
}
