package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unsafe"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/loaders"
)

// codecTime is how long each contestant encodes and decodes in a round, at least.
const codecTime = time.Second

// codecRequest asks for the chunks of a file, size bytes each, to be encoded and decoded
// over and over for so many seconds each.
type codecRequest struct {
	Codec   string  `json:"codec"`
	File    string  `json:"file"`
	Size    int     `json:"size"`
	Seconds float64 `json:"seconds"`
}

// codecAnswer is in bytes of elements a second, and encoded bytes over bytes of elements.
type codecAnswer struct {
	Encode float64 `json:"encode"`
	Decode float64 `json:"decode"`
	Ratio  float64 `json:"ratio"`
}

// benchCodec encodes and decodes chunks of uint16 with chunkcodec and with numcodecs, on one
// thread each.
func benchCodec(ctx context.Context, s *setup) (err error) {
	p, err := startPeer(ctx, s, "bench/peer_codec.py")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var peers []string
	if err := p.ask("list", &peers); err != nil {
		return err
	}
	src, err := s.source(ctx, "blosc:zstd:shuffle")
	if err != nil {
		return err
	}
	sets := []struct{ name, src string }{{"generated", src}}
	if real := realSample(); real != "" {
		sets = append(sets, struct{ name, src string }{"real FISBe crop", real})
	}
	for i, set := range sets {
		q := codecRequest{File: s.path(fmt.Sprintf("codec-%d.bin", i)), Seconds: codecTime.Seconds()}
		if q.Size, err = s.chunks(ctx, set.src, q.File); err != nil {
			return err
		}
		fmt.Printf("\n%s: chunks of %d bytes, uint16, one thread\n", set.name, q.Size)
		if err := s.codecsOf(q, p, append([]string{"micropq"}, peers...)); err != nil {
			return err
		}
	}
	return nil
}

func (s *setup) codecsOf(q codecRequest, p *peer, names []string) error {
	data, err := os.ReadFile(q.File)
	if err != nil {
		return err
	}
	encode, decode, ratio := map[string][]float64{}, map[string][]float64{}, map[string]float64{}
	for range s.rounds {
		for _, q.Codec = range names {
			var a codecAnswer
			if q.Codec == "micropq" {
				a, err = ourCodec(slices.Collect(slices.Chunk(data, q.Size)), q.Seconds)
			} else {
				err = p.ask(q, &a)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", q.Codec, err)
			}
			encode[q.Codec], decode[q.Codec] = append(encode[q.Codec], a.Encode), append(decode[q.Codec], a.Decode)
			ratio[q.Codec] = a.Ratio
		}
	}
	for _, n := range names {
		fmt.Printf("  %-34s encode %6.0f MB/s  decode %6.0f MB/s  size %.4f\n", n, median(encode[n])/1e6, median(decode[n])/1e6, ratio[n])
	}
	return nil
}

// ourCodec is micropq's turn.
func ourCodec(chunks [][]byte, limit float64) (a codecAnswer, err error) {
	enc, err := chunkcodec.NewEncoder(chunkcodec.ShuffleZstd, 0)
	if err != nil {
		return a, err
	}
	dec := chunkcodec.NewDecoder()
	payloads := make([][]byte, len(chunks))
	size, packed := 0, 0
	back := make([]byte, len(chunks[0]))
	for i, c := range chunks {
		if payloads[i], err = enc.Encode(nil, c, 2); err != nil {
			return a, err
		}
		size, packed = size+len(c), packed+len(payloads[i])
		if err = dec.Decode(back, payloads[i], chunkcodec.ShuffleZstd, 2); err != nil {
			return a, err
		}
		if !bytes.Equal(back, c) {
			return a, errors.New("a chunk differs after encoding and decoding")
		}
	}
	a.Ratio = float64(packed) / float64(size)
	a.Encode, err = rate(limit, size, func(i int) (err error) {
		payloads[i], err = enc.Encode(payloads[i], chunks[i], 2)
		return err
	}, len(chunks))
	if err != nil {
		return a, err
	}
	a.Decode, err = rate(limit, size, func(i int) error {
		return dec.Decode(back, payloads[i], chunkcodec.ShuffleZstd, 2)
	}, len(chunks))
	return a, err
}

// rate calls f for all of n items, size bytes together, over and over until the limit in
// seconds, and returns bytes a second.
func rate(limit float64, size int, f func(i int) error, n int) (float64, error) {
	start, total := time.Now(), 0
	for seconds(start) < limit {
		for i := range n {
			if err := f(i); err != nil {
				return 0, err
			}
		}
		total += size
	}
	return float64(total) / seconds(start), nil
}

// realSample is the crop of a FISBe volume, or empty where there is none.
func realSample() string {
	dir := os.Getenv("MICROPQ_SAMPLES")
	if dir == "" {
		dir = "../shared/samples"
	}
	found, _ := filepath.Glob(filepath.Join(dir, "fisbe", "*_crop.zip"))
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

// chunks writes whole chunks of the raw array of a sample to a file, about 50 MB of them,
// and returns the bytes of one.
func (s *setup) chunks(ctx context.Context, src, file string) (size int, err error) {
	out := s.path("codec")
	if err := os.RemoveAll(out); err != nil {
		return 0, err
	}
	if _, err := measure(ctx, "bin/micropq", "convert", "fisbe", src, out, "--arrays", "raw", "--progress", "none"); err != nil {
		return 0, err
	}
	d, err := loaders.Open(ctx, out, loaders.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	var sample string
	for row, err := range d.Samples(ctx, loaders.SampleQuery{}) {
		if err != nil {
			return 0, err
		}
		sample = row.SampleID
	}
	a, err := d.Array(ctx, sample, "raw", 0)
	if err != nil {
		return 0, err
	}
	box := loaders.Region{Origin: make([]int, 4), Shape: a.Chunk()}
	var data []byte
	for i := range box.Shape {
		box.Shape[i] = min(box.Shape[i], a.Shape()[i])
	}
	buffer := make([]uint16, box.Elements())
	middle := a.Shape()[1] / 2 / box.Shape[1] * box.Shape[1]
	for y := 0; y+box.Shape[2] <= a.Shape()[2] && len(data) < 50e6; y += box.Shape[2] {
		for x := 0; x+box.Shape[3] <= a.Shape()[3] && len(data) < 50e6; x += box.Shape[3] {
			box.Origin = []int{0, middle, y, x}
			if _, err := loaders.ReadArray(ctx, a, box, buffer); err != nil {
				return 0, err
			}
			data = append(data, unsafe.Slice((*byte)(unsafe.Pointer(&buffer[0])), 2*len(buffer))...)
		}
	}
	return 2 * len(buffer), os.WriteFile(file, data, 0o666)
}
