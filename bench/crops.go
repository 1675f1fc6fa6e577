package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/loaders"
)

// readers is the number of crops that are read at one time, by one thread each.
const readers = 2

// cropRequest asks for the crops of size^3 voxels, all channels, at the origins z, y, x.
type cropRequest struct {
	Reader  string   `json:"reader"`
	Size    int      `json:"size"`
	Origins [][3]int `json:"origins"`
}

// cropAnswer says how long they took, and what the voxels of the last one add up to.
type cropAnswer struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"` // processor seconds
	Sum     uint64  `json:"sum"`
}

// benchCrops reads random crops with loaders and with tensorstore and zarr-python, which read
// the same volume in the same chunks out of zarr.
func benchCrops(ctx context.Context, s *setup) (err error) {
	src, err := s.source(ctx, "blosc:zstd:shuffle")
	if err != nil {
		return err
	}
	d, array, err := s.openCrops(ctx, src)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	p, err := startPeer(ctx, s, "bench/peer_crops.py", src, s.path("crops"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var peers []string
	if err := p.ask("prepare", &peers); err != nil {
		return err
	}
	fmt.Printf("raw %v uint16 in chunks of %v; crops of all channels at random places, %d at a time; page cache warm\n",
		array.Shape(), array.Chunk(), readers)
	for _, size := range []int{64, 96, 128} {
		if err := s.cropsOf(ctx, array, p, peers, size); err != nil {
			return err
		}
	}
	return nil
}

func (s *setup) cropsOf(ctx context.Context, array *loaders.Array, p *peer, peers []string, size int) error {
	names := append([]string{"micropq"}, peers...)
	times, cpu := map[string][]float64{}, map[string][]float64{}
	var stats loaders.Stats
	var bytes float64
	for round := range s.rounds + 1 {
		q := cropRequest{Size: size, Origins: origins(array.Shape(), size, max(8, s.scale.crops*64*64*64/(size*size*size)))}
		bytes = float64(len(q.Origins)*array.Shape()[0]*size*size*size) * 2
		var sums []uint64
		for _, q.Reader = range names {
			var a cropAnswer
			var err error
			if q.Reader == "micropq" {
				a, stats, err = readCrops(ctx, array, q)
			} else {
				err = p.ask(q, &a)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", q.Reader, err)
			}
			sums = append(sums, a.Sum)
			if round > 0 { // the first only warms the page cache
				times[q.Reader] = append(times[q.Reader], a.Seconds)
				cpu[q.Reader] = append(cpu[q.Reader], a.CPU)
			}
		}
		if len(slices.Compact(sums)) > 1 {
			return fmt.Errorf("crops of %d differ between %v", size, names)
		}
	}
	fmt.Printf("\n%-24s %8s %12s %12s %12s\n", fmt.Sprintf("%d a side", size), "MB/s", "time ratio", "cpu s/GB", "cpu ratio")
	t0, c0 := median(times["micropq"]), median(cpu["micropq"])
	for _, n := range names {
		t, c := median(times[n]), median(cpu[n])
		fmt.Printf("%-24s %8.0f %11.2fx %12.2f %11.2fx\n", n, bytes/1e6/t, t/t0, c/bytes*1e9, c/c0)
	}
	fmt.Printf("bytes read over encoded bytes needed %.4f, bytes decoded over bytes asked for %.2f\n",
		stats.ReadAmplification(), stats.DecodeAmplification())
	return nil
}

// origins are random places of crops inside a CZYX shape.
func origins(shape []int, size, n int) [][3]int {
	r := rand.New(rand.NewPCG(uint64(size), 1))
	out := make([][3]int, n)
	for i := range out {
		for k := range out[i] {
			out[i][k] = r.IntN(shape[k+1] - size + 1)
		}
	}
	return out
}

// readCrops is micropq's turn.
func readCrops(ctx context.Context, a *loaders.Array, q cropRequest) (answer cropAnswer, stats loaders.Stats, err error) {
	channels := a.Shape()[0]
	parts := make([]loaders.Stats, readers)
	var last []uint16
	g, ctx := errgroup.WithContext(ctx)
	start, used := time.Now(), cpuSeconds()
	for k := range readers {
		g.Go(func() error {
			dst := make([]uint16, channels*q.Size*q.Size*q.Size)
			for i := k; i < len(q.Origins); i += readers {
				o := q.Origins[i]
				s, err := loaders.ReadArray(ctx, a, loaders.Region{
					Origin: []int{0, o[0], o[1], o[2]}, Shape: []int{channels, q.Size, q.Size, q.Size},
				}, dst)
				if err != nil {
					return err
				}
				parts[k].Add(s)
			}
			if (len(q.Origins)-1)%readers == k {
				last = dst
			}
			return nil
		})
	}
	err = g.Wait()
	answer.Seconds, answer.CPU = seconds(start), cpuSeconds()-used
	for _, v := range last {
		answer.Sum += uint64(v)
	}
	for _, s := range parts {
		stats.Add(s)
	}
	return answer, stats, err
}

// openCrops converts a sample and opens the data set. One goroutine decodes a crop, since several crops are read at one time.
func (s *setup) openCrops(ctx context.Context, src string) (*loaders.Dataset, *loaders.Array, error) {
	out := s.path("ours")
	if err := os.RemoveAll(out); err != nil {
		return nil, nil, err
	}
	if _, err := measure(ctx, "bin/micropq", "convert", "fisbe", src, out, "--progress", "none"); err != nil {
		return nil, nil, err
	}
	d, err := loaders.Open(ctx, out, loaders.Options{Workers: 1})
	if err != nil {
		return nil, nil, err
	}
	name := filepath.Base(src)
	a, err := d.Array(ctx, name[:len(name)-len(".zarr")], "raw", 0)
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return d, a, nil
}
