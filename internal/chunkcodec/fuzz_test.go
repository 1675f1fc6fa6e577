package chunkcodec

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/nd"
)

// FuzzDecode decodes any bytes as the payload of a chunk of any size: never a panic, nor much
// more memory than the chunk takes. What decodes agrees with the zstd library and a plain
// transpose, is the same read whole and in parts, and survives encoding.
func FuzzDecode(f *testing.F) {
	for _, m := range malformedPayloads(f) {
		f.Add(m.payload, encodingIndex(m.e), byte(m.itemSize), uint32(m.size))
	}
	for _, n := range []int{0, 1, 100} {
		src := micrograph(4 * n)
		for _, e := range encodings {
			for _, itemSize := range []int{1, 2, 4, 8} {
				f.Add(encode(f, e, src, itemSize), encodingIndex(e), byte(itemSize), uint32(len(src)))
			}
		}
		f.Add(stream(f, src), encodingIndex(Zstd), byte(2), uint32(len(src)))
	}
	dec := NewDecoder()
	f.Fuzz(func(t *testing.T, payload []byte, encoding, itemSize byte, size uint32) {
		const limit = 1 << 18
		e, n := encodings[int(encoding)%len(encodings)], int(size%limit)
		got, err := decodeBounded(t, dec, payload, e, int(itemSize), n)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrSize) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if want := plainly(t, payload, e, int(itemSize)); !bytes.Equal(got, want) {
			t.Fatalf("%s of %d-byte elements: differs from the plain way", e, itemSize)
		}
		checkParts(t, dec, payload, e, int(itemSize), got)
		again := make([]byte, n)
		if err := dec.Decode(again, encode(t, e, got, int(itemSize)), e, int(itemSize)); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("encoded anew it decodes to other bytes, %v", err)
		}
	})
}

func encodingIndex(e Encoding) byte {
	for i := range encodings {
		if encodings[i] == e {
			return byte(i)
		}
	}
	panic("unknown encoding " + e)
}

func decodeBounded(t *testing.T, dec *Decoder, payload []byte, e Encoding, itemSize, n int) ([]byte, error) {
	t.Helper()
	const fixed = 16 << 20 // what the zstd library holds, and the fuzzer beside us
	var before, after runtime.MemStats
	dst := make([]byte, n)
	runtime.ReadMemStats(&before)
	err := dec.Decode(dst, payload, e, itemSize)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(fixed+4*n) {
		t.Fatalf("took %d bytes for a chunk of %d", took, n)
	}
	return dst, err
}

// plainly decodes without a line of the decoder.
func plainly(t *testing.T, payload []byte, e Encoding, itemSize int) []byte {
	t.Helper()
	if e == Raw {
		return payload
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, err := z.DecodeAll(payload, nil)
	if err != nil {
		t.Fatalf("the zstd library refuses what we accept: %v", err)
	}
	if e == Zstd {
		return plain
	}
	out, n := make([]byte, len(plain)), len(plain)/itemSize
	for i := range n {
		for k := range itemSize {
			out[i*itemSize+k] = plain[k*n+i]
		}
	}
	return out
}

// checkParts reads the two halves of a chunk, seen as a list of elements, into every other
// place of a larger array.
func checkParts(t *testing.T, dec *Decoder, payload []byte, e Encoding, itemSize int, want []byte) {
	t.Helper()
	if itemSize > 16 {
		return // no such elements
	}
	n := len(want) / itemSize
	for _, box := range []nd.Region{
		{Origin: []int{0}, Shape: []int{n / 2}},
		{Origin: []int{n / 2}, Shape: []int{n - n/2}},
	} {
		size := box.Shape[0] * itemSize
		data := bytes.Repeat([]byte{0xaa}, 2*size)
		dst := nd.View{Data: data, Shape: box.Shape, Strides: []int{2 * itemSize}, ItemSize: itemSize}
		if err := dec.DecodeRegion(dst, payload, e, []int{n}, box); err != nil {
			t.Fatalf("box %v: %v", box, err)
		}
		for i := range box.Shape[0] {
			at := (box.Origin[0] + i) * itemSize
			if !bytes.Equal(data[2*i*itemSize:][:itemSize], want[at:at+itemSize]) {
				t.Fatalf("box %v: element %d differs", box, i)
			}
			for _, b := range data[(2*i+1)*itemSize:][:itemSize] {
				if b != 0xaa {
					t.Fatalf("box %v: wrote between elements", box)
				}
			}
		}
	}
}
