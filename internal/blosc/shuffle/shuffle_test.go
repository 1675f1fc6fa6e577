package shuffle

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

var typeSizes = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 24, 31, 64, 255}

// shuffleByDefinition follows the layout in the package comment byte by byte.
func shuffleByDefinition(src []byte, typeSize int) []byte {
	dst := bytes.Clone(src)
	if typeSize < 2 {
		return dst
	}
	n := len(src) / typeSize
	for i := range n {
		for j := range typeSize {
			dst[j*n+i] = src[i*typeSize+j]
		}
	}
	return dst
}

// bitShuffleByDefinition follows the layout in the package comment bit by bit.
func bitShuffleByDefinition(src []byte, typeSize int) []byte {
	dst := bytes.Clone(src)
	if typeSize < 1 || len(src)/typeSize%8 != 0 {
		return dst
	}
	n := len(src) / typeSize
	clear(dst[:n*typeSize])
	for i := range n {
		for j := range typeSize {
			for k := range 8 {
				bit := src[i*typeSize+j] >> k & 1
				dst[(8*j+k)*n/8+i/8] |= bit << (i % 8)
			}
		}
	}
	return dst
}

func TestAgainstDefinition(t *testing.T) {
	for _, ts := range typeSizes {
		for _, n := range []int{0, 1, 2, 7, 8, 9, 15, 16, 64, 65, 72, 127, 128, 200, 1000} {
			for _, tail := range []int{0, 1, ts / 2} {
				src := random(n*ts + tail)
				t.Run(fmt.Sprintf("%d_elements_of_%d_and_%d", n, ts, tail), func(t *testing.T) {
					check(t, src, ts)
				})
			}
		}
	}
}

func check(t *testing.T, src []byte, ts int) {
	t.Helper()
	got, back, tmp := make([]byte, len(src)), make([]byte, len(src)), make([]byte, len(src))

	Shuffle(got, src, ts)
	if !bytes.Equal(got, shuffleByDefinition(src, ts)) {
		t.Error("Shuffle differs from the definition")
	}
	Unshuffle(back, got, ts)
	if !bytes.Equal(back, src) {
		t.Error("Unshuffle does not undo Shuffle")
	}

	BitShuffle(got, src, tmp, ts)
	if !bytes.Equal(got, bitShuffleByDefinition(src, ts)) {
		t.Error("BitShuffle differs from the definition")
	}
	clear(back)
	BitUnshuffle(back, got, tmp, ts)
	if !bytes.Equal(back, src) {
		t.Error("BitUnshuffle does not undo BitShuffle")
	}
}

func TestLeavesBytesBehindUntouched(t *testing.T) {
	src, dst := random(100), bytes.Repeat([]byte{7}, 120)
	Unshuffle(dst, src, 4)
	if !bytes.Equal(dst[100:], bytes.Repeat([]byte{7}, 20)) {
		t.Error("Unshuffle wrote past len(src)")
	}
}

func random(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func BenchmarkFilters(b *testing.B) {
	filters := []struct {
		name string
		run  func(dst, src, tmp []byte, ts int)
	}{
		{"shuffle", func(dst, src, _ []byte, ts int) { Shuffle(dst, src, ts) }},
		{"unshuffle", func(dst, src, _ []byte, ts int) { Unshuffle(dst, src, ts) }},
		{"bitshuffle", BitShuffle},
		{"bitunshuffle", BitUnshuffle},
	}
	src := random(240 << 10) // whole groups of eight elements of each size
	dst, tmp := make([]byte, len(src)), make([]byte, len(src))
	for _, f := range filters {
		for _, ts := range []int{1, 2, 3, 4, 8, 12, 16} {
			b.Run(fmt.Sprintf("%s/%d", f.name, ts), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					f.run(dst, src, tmp, ts)
				}
			})
		}
	}
}

// Any stretch of elements comes out as a part of the whole.
func TestUnshuffleRange(t *testing.T) {
	for _, typeSize := range []int{1, 2, 3, 4, 7, 8, 12, 16} {
		const n = 61
		plain := make([]byte, n*typeSize)
		for i := range plain {
			plain[i] = byte(i * 7)
		}
		planes := make([]byte, len(plain))
		Shuffle(planes, plain, typeSize)
		for first := range n {
			for m := range n - first {
				got := make([]byte, m*typeSize)
				UnshuffleRange(got, planes, typeSize, first)
				if !bytes.Equal(got, plain[first*typeSize:][:m*typeSize]) {
					t.Fatalf("type size %d: elements %d to %d differ", typeSize, first, first+m)
				}
			}
		}
	}
}
