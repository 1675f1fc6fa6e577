package shardfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// readAll reads what a loader reads of a file, and returns the first error.
func readAll(b []byte) error {
	r, err := Open(bytes.NewReader(b), int64(len(b)), "fuzz.parquet")
	if err != nil {
		return err
	}
	var buf Buffer
	for row := range min(r.NumRows(), 50) {
		for _, column := range []string{"data", "image.bytes"} {
			_, _, e := r.Payload(context.Background(), row, column, &buf)
			err = errors.Join(err, e)
		}
	}
	for g := range min(len(r.RowGroups()), 5) {
		_, e1 := ReadColumn[string](r, g, "sample_id", nil)
		_, e2 := ReadColumn[int32](r, g, "z", nil)
		_, e3 := ReadColumn[int64](r, g, "digest", nil)
		err = errors.Join(err, e1, e2, e3, readThrough(r, g))
	}
	return err
}

// readThrough reads the rows of a row group through the Parquet library.
func readThrough(r *Reader, g int) (err error) {
	defer recovered(&err)
	rows := r.RowGroup(context.Background(), g).Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	buf := make([]parquet.Row, 10)
	for range 10 {
		n, err := rows.ReadRows(buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrNoProgress
		}
	}
	return nil
}

// FuzzReader reads damaged files: never a panic, nor more memory than the file may need.
func FuzzReader(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		readAll(b)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<30 {
			t.Errorf("%d bytes were allocated for a file of %d", n, len(b))
		}
	})
}

// seeds are small shards of ours and of pyarrow (testdata/foreign, by testdata/rewrite.py),
// and kept malformed files.
func seeds(t testing.TB) (files [][]byte) {
	path, _ := writeShard(t, randomRows(31, 6, 30), options)
	files = append(files, readFile(t, path))
	for _, file := range malformed(t) {
		files = append(files, file)
	}
	kept, err := filepath.Glob("testdata/*/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range kept {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	return files
}
