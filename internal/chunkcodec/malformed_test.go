package chunkcodec

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/nd"
)

// malformed is a payload that is not that of a chunk of size bytes.
type malformed struct {
	name     string
	payload  []byte
	e        Encoding
	size     int
	itemSize int
	want     error
}

func malformedPayloads(t testing.TB) []malformed {
	src := micrograph(500)
	sized, unsized := encode(t, Zstd, src, 2), stream(t, src)
	return []malformed{
		{"raw, too short", src[:998], Raw, 1000, 2, ErrSize},
		{"raw, too long", src, Raw, 998, 2, ErrSize},
		{"zstd, chunk smaller", sized, Zstd, 998, 2, ErrSize},
		{"zstd, chunk larger", sized, Zstd, 1002, 2, ErrSize},
		{"shuffle+zstd, chunk larger", sized, ShuffleZstd, 1002, 2, ErrSize},
		{"zstd, truncated", sized[:len(sized)-3], Zstd, 1000, 2, ErrCorrupt},
		{"zstd, header only", sized[:6], ShuffleZstd, 1000, 2, ErrCorrupt},
		{"zstd, a frame behind it", slices.Concat(sized, sized), Zstd, 1000, 2, ErrCorrupt},
		{"zstd, a huge claim behind it", slices.Concat(sized, claim(1<<40)), Zstd, 1000, 2, ErrCorrupt},
		{"zstd, bytes behind it", slices.Concat(sized, []byte("more")), Zstd, 1000, 2, ErrCorrupt},
		{"zstd, unsized, chunk smaller", unsized, Zstd, 998, 2, ErrCorrupt},
		{"zstd, unsized, chunk larger", unsized, Zstd, 1002, 2, ErrSize},
		{"zstd, more than can be", claim(1 << 40), ShuffleZstd, 1 << 40, 2, ErrSize},
		{"zstd, needs a dictionary", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 4, 1, 0, 0}, Zstd, 4, 2, ErrCorrupt},
		{"no frame", []byte("not a zstd frame"), Zstd, 1000, 2, ErrCorrupt},
		{"empty", nil, ShuffleZstd, 1000, 2, ErrCorrupt},
		{"half an element", sized, Zstd, 1000, 3, ErrSize},
		{"no element size", sized, Zstd, 1000, 0, ErrSize},
	}
}

func TestMalformed(t *testing.T) {
	for _, test := range malformedPayloads(t) {
		t.Run(test.name, func(t *testing.T) {
			if test.size > 1<<30 { // only the region reader allocates for it
				dst := nd.View{Data: make([]byte, 2), Shape: []int{1}, Strides: []int{2}, ItemSize: 2}
				box := nd.Region{Origin: []int{0}, Shape: []int{1}}
				err := NewDecoder().DecodeRegion(dst, test.payload, test.e, []int{test.size / 2}, box)
				if !errors.Is(err, test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
				return
			}
			err := NewDecoder().Decode(make([]byte, test.size), test.payload, test.e, test.itemSize)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

// A changed byte is noticed, or decodes to the same number of other bytes: which bytes they
// should be is for the CRC of the page and the digest of the chunk to say.
func TestFlippedBytes(t *testing.T) {
	src := micrograph(500)
	for _, e := range []Encoding{Zstd, ShuffleZstd} {
		payload := encode(t, e, src, 2)
		dec, got, noticed := NewDecoder(), make([]byte, len(src)), 0
		for at := range payload {
			payload[at] ^= 0xff
			if err := dec.Decode(got, payload, e, 2); err != nil {
				noticed++
				if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrSize) {
					t.Errorf("%s, byte %d: untyped error %v", e, at, err)
				}
			} else if bytes.Equal(got, src) {
				t.Errorf("%s, byte %d: the change changed nothing", e, at)
			}
			payload[at] ^= 0xff
		}
		if noticed == 0 {
			t.Errorf("%s: no change was noticed", e)
		}
	}
}

// Frames of other writers may not say their size.
func TestUnsizedFrame(t *testing.T) {
	src := micrograph(100000)
	got := make([]byte, len(src))
	dec := NewDecoder()
	if err := dec.Decode(got, stream(t, src), Zstd, 2); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, src) {
		t.Error("decoded bytes differ")
	}
}

// stream is src as a frame without its content size.
func stream(t testing.TB, src []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	// A flush before the end keeps the writer from knowing the size.
	if _, err := z.Write(src[:len(src)/2]); err != nil {
		t.Fatal(err)
	}
	if err := z.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(src[len(src)/2:]); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claim is a frame header that claims n bytes, and an empty last block.
func claim(n uint64) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}
	for i := range 8 {
		b = append(b, byte(n>>(8*i)))
	}
	return append(b, 1, 0, 0)
}
