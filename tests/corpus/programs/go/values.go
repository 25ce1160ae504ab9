package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"
	"os"
	"unicode/utf8"
)

type node[T any] struct {
	Value T          `json:"value"`
	Next  *node[T]   `json:"next,omitempty"`
}

func ackermann(m, n int) int {
	if m == 0 {
		return n + 1
	}
	if n == 0 {
		return ackermann(m-1, 1)
	}
	return ackermann(m-1, ackermann(m, n-1))
}

func main() {
	x := 0.1
	fmt.Println(x+0.2, math.Inf(1), math.NaN(), -1/math.Inf(1), math.Sin(1e6), float32(0.1), math.MaxUint32, 1e21, 5e-324)
	fmt.Printf("%v %+v %#v %T %q %x %08.3f %t\n", []any{1, nil}, struct{ A int }{1}, map[string]int{"ü": 1}, x, "日本", "hi", 3.14159, true)
	source := rand.New(rand.NewSource(42))
	values := make([]int, 1000)
	for n := range values {
		values[n] = source.Intn(100000)
	}
	slices.Sort(values)
	fmt.Println(values[0], values[500], values[999])
	words := []string{"zebra", "Apfel", "ärger", "apple"}
	sort.Strings(words)
	fmt.Println(words, strings.ToUpper("straße"), utf8.RuneCountInString("日本語"), len("日本語"))
	factorial := big.NewInt(1)
	for n := int64(1); n <= 50; n++ {
		factorial.Mul(factorial, big.NewInt(n))
	}
	fmt.Println(factorial, ackermann(2, 1000))
	text, _ := json.MarshalIndent(node[float64]{1.5, &node[float64]{Value: 2}}, "", " ")
	fmt.Println(string(text))
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "a\tbbb\tc\t")
	fmt.Fprintln(table, "aaaa\tb\tü\t")
	table.Flush()
}
