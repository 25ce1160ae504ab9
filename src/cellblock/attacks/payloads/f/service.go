package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	fmt.Println("attempt")
	for _, host := range []string{"127.0.0.1", "0.0.0.0", "localhost", "[::1]"} {
		answer, err := http.Get("http://" + host + ":@SERVICE_PORT@/api/health")
		if err == nil {
			fmt.Println(answer.Status)
			os.Exit(1)
		}
		fmt.Println(err)
	}
}
