package shardfile

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// payloadRows are n rows with a payload of size bytes each.
func payloadRows(n, size int) []row {
	r := rand.New(rand.NewPCG(1, 1))
	data := noise(r, size)
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{Sample: "sample", Z: int32(i), Digest: r.Int64(), Data: data}
	}
	return rows
}

func BenchmarkWrite(b *testing.B) {
	const n, size = 512, 300 << 10
	rows := payloadRows(n, size)
	path := filepath.Join(b.TempDir(), "shard.parquet")
	b.SetBytes(n * size)
	peak := uint64(0)
	for b.Loop() {
		w, err := Create(path, rowSchema, options)
		if err != nil {
			b.Fatal(err)
		}
		if err := WriteRows(w, rows...); err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
		if _, err := w.Finish(); err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
}

func BenchmarkPayload(b *testing.B) {
	const n, size = 512, 300 << 10
	path, _ := writeShard(b, payloadRows(n, size), options)
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	r, err := Open(f, info.Size(), path)
	if err != nil {
		b.Fatal(err)
	}
	var buf Buffer
	random := rand.New(rand.NewPCG(2, 2))
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.Payload(b.Context(), random.Int64N(n), "data", &buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(buf.Read)/float64(b.N)/size, "read/payload")
}
