package sums

import (
	"strconv"
	"strings"
)

func Total(text string) (total int) {
	for _, field := range strings.Fields(text) {
		n, _ := strconv.Atoi(field)
		total += n
	}
	return
}
