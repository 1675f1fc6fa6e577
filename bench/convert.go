package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// benchConvert converts a generated sample with micropq and with the Python program of
// peer_convert.py.
func benchConvert(ctx context.Context, s *setup) error {
	fmt.Printf("one sample, raw %v uint16, %d neurons; page cache warm after the first round\n", s.scale.shape, neurons)
	for _, compressor := range []string{"gzip", "blosc:zstd:shuffle"} {
		src, err := s.source(ctx, compressor)
		if err != nil {
			return err
		}
		ours := &conversion{name: "micropq", out: s.path("ours")}
		ours.args = []string{"bin/micropq", "convert", "fisbe", src, ours.out, "--memory", "1GiB", "--progress", "none"}
		peer := &conversion{name: "Python", out: s.path("peer")}
		peer.args = []string{s.python, "bench/peer_convert.py", src, peer.out}
		for range s.rounds {
			for _, c := range []*conversion{ours, peer} {
				if err := c.run(ctx); err != nil {
					return err
				}
			}
		}
		fmt.Printf("\nsource %s\n%-10s %8s %8s %10s %10s  rounds\n", compressor, "", "seconds", "cpu", "peak MiB", "out MB")
		a, b := ours.print(), peer.print()
		fmt.Printf("%-10s %7.2fx %7.2fx %9.2fx %9.3fx\n", "ratio", b.wall/a.wall, b.cpu/a.cpu, b.peak/a.peak, b.size/a.size)
	}
	return nil
}

// conversion is one contestant's way to the data set out.
type conversion struct {
	name, out string
	args      []string
	costs     []cost
}

func (c *conversion) run(ctx context.Context) error {
	if err := os.RemoveAll(c.out); err != nil {
		return err
	}
	spent, err := measure(ctx, c.args...)
	if err != nil {
		return err
	}
	if spent.size, err = treeSize(c.out); err != nil {
		return err
	}
	c.costs = append(c.costs, spent)
	return nil
}

// print prints and returns the medians.
func (c *conversion) print() (m cost) {
	var wall, cpu, peak []float64
	var rounds []string
	for _, k := range c.costs {
		wall, cpu, peak = append(wall, k.wall), append(cpu, k.cpu), append(peak, k.peak)
		rounds = append(rounds, fmt.Sprintf("%.1f", k.wall))
	}
	m = cost{median(wall), median(cpu), median(peak), c.costs[0].size}
	fmt.Printf("%-10s %8.2f %8.2f %10.0f %10.1f  %s\n", c.name, m.wall, m.cpu, m.peak/(1<<20), m.size/1e6, strings.Join(rounds, " "))
	return m
}

// treeSize is the number of bytes in the files below a folder.
func treeSize(dir string) (n float64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += float64(info.Size())
		}
		return err
	})
	return n, err
}
