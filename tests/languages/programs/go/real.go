// SHA-256 written out, its constants from primes, against the library's; a Merkle tree whose
// leaves are hashed by workers; and inclusion proofs that hold or, tampered with, do not.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"os"
	"strings"
	"sync"
)

type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// fraction returns the first 32 bits of the fractional part of n's root of this degree (2 or 3).
func fraction(n int64, degree uint) uint32 {
	// floor(n^(1/degree) * 2^32) by bisection over whole numbers.
	target := new(big.Int).Lsh(big.NewInt(n), 32*degree)
	low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(n), 32)
	for low.Cmp(high) < 0 {
		middle := new(big.Int).Add(low, high)
		middle.Add(middle, big.NewInt(1)).Rsh(middle, 1)
		if new(big.Int).Exp(middle, big.NewInt(int64(degree)), nil).Cmp(target) <= 0 {
			low = middle
		} else {
			high = middle.Sub(middle, big.NewInt(1))
		}
	}
	return uint32(low.Uint64())
}

func primes(count int) []int64 {
	var found []int64
candidates:
	for n := int64(2); len(found) < count; n++ {
		for _, prime := range found {
			if n%prime == 0 {
				continue candidates
			}
		}
		found = append(found, n)
	}
	return found
}

var (
	start [8]uint32
	round [64]uint32
)

func init() {
	for index, prime := range primes(64) {
		round[index] = fraction(prime, 3)
		if index < len(start) {
			start[index] = fraction(prime, 2)
		}
	}
}

func pad(message []byte) []byte {
	padded := append(append([]byte{}, message...), 0x80)
	for len(padded)%64 != 56 {
		padded = append(padded, 0)
	}
	return binary.BigEndian.AppendUint64(padded, uint64(len(message))*8)
}

func sum(message []byte) Digest {
	state := start
	for padded := pad(message); len(padded) > 0; padded = padded[64:] {
		compress(&state, padded[:64])
	}
	var digest Digest
	for index, word := range state {
		binary.BigEndian.PutUint32(digest[index*4:], word)
	}
	return digest
}

func compress(state *[8]uint32, block []byte) {
	var schedule [64]uint32
	for t := range schedule {
		if t < 16 {
			schedule[t] = binary.BigEndian.Uint32(block[t*4:])
			continue
		}
		x, y := schedule[t-15], schedule[t-2]
		small := bits.RotateLeft32(x, -7) ^ bits.RotateLeft32(x, -18) ^ x>>3
		large := bits.RotateLeft32(y, -17) ^ bits.RotateLeft32(y, -19) ^ y>>10
		schedule[t] = schedule[t-16] + small + schedule[t-7] + large
	}
	a, b, c, d, e, f, g, h := state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
	for t, word := range schedule {
		rotated := bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25)
		first := h + rotated + (e&f ^ ^e&g) + round[t] + word
		rotated = bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22)
		second := rotated + (a&b ^ a&c ^ b&c)
		a, b, c, d, e, f, g, h = first+second, a, b, c, d+first, e, f, g
	}
	for index, word := range []uint32{a, b, c, d, e, f, g, h} {
		state[index] += word
	}
}

func each[In, Out any](items []In, workers int, work func(In) Out) []Out {
	results := make([]Out, len(items))
	indices := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for index := range indices {
				results[index] = work(items[index])
			}
		}()
	}
	for index := range items {
		indices <- index
	}
	close(indices)
	group.Wait()
	return results
}

var errNoProof = errors.New("the proof does not lead to the root")

// Tree holds the levels of a Merkle tree, the leaves first; a node without a partner rises as it is.
type Tree [][]Digest

func leaf(text string) Digest { return sum([]byte("\x00" + text)) }

func parent(left, right Digest) Digest {
	return sum(append(append([]byte{1}, left[:]...), right[:]...))
}

func build(texts []string) Tree {
	tree := Tree{each(texts, 4, leaf)}
	for level := tree[0]; len(level) > 1; tree = append(tree, level) {
		var above []Digest
		for ; len(level) > 1; level = level[2:] {
			above = append(above, parent(level[0], level[1]))
		}
		level = append(above, level...)
	}
	return tree
}

func (t Tree) Root() Digest { return t[len(t)-1][0] }

type Step struct {
	Digest Digest
	Left   bool
}

func (t Tree) Prove(index int) (steps []Step) {
	for _, level := range t[:len(t)-1] {
		if partner := index ^ 1; partner < len(level) {
			steps = append(steps, Step{level[partner], partner < index})
		}
		index /= 2
	}
	return steps
}

func verify(root Digest, text string, steps []Step) error {
	digest := leaf(text)
	for _, step := range steps {
		if step.Left {
			digest = parent(step.Digest, digest)
		} else {
			digest = parent(digest, step.Digest)
		}
	}
	if digest != root {
		return fmt.Errorf("%.12q: %w", text, errNoProof)
	}
	return nil
}

func main() {
	fmt.Printf("constants: %08x %08x %08x\n", start[0], start[7], round[63])
	fmt.Println("abc:", sum([]byte("abc")))
	fmt.Println("million a:", sum([]byte(strings.Repeat("a", 1_000_000))))
	for length := range 300 {
		message := []byte(strings.Repeat("x", length))
		if sum(message) != sha256.Sum256(message) {
			fmt.Fprintln(os.Stderr, "differs at length", length)
			os.Exit(1)
		}
	}
	texts := make([]string, 1000)
	for index := range texts {
		texts[index] = fmt.Sprintf("entry %d", index)
	}
	tree := build(texts)
	held := 0
	for index, text := range texts {
		if verify(tree.Root(), text, tree.Prove(index)) == nil {
			held++
		}
	}
	fmt.Printf("levels: %d, proofs that hold: %d\n", len(tree), held)
	err := verify(tree.Root(), "entry 8", tree.Prove(7))
	fmt.Printf("forged: %v (%t)\n", err, errors.Is(err, errNoProof))
}
