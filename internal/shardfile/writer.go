package shardfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Options of Create. The zero value works.
type Options struct {
	Metadata       map[string]string // key-value metadata of the file
	PayloadColumns []string          // dotted paths
	RowGroupBytes  int64             // a row group is closed when its values exceed this; default 64 MiB
}

const (
	defaultRowGroup = 64 << 20
	// smallPage is the page size of the columns that are no payload.
	smallPage = 64 << 10
	// maxGroupRows bounds a row group of small rows, such as chunks without data.
	maxGroupRows = 1 << 16
)

// Receipt says what a finished shard holds.
type Receipt struct {
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Writer writes one shard. Finish or Abort must be called. It is not safe for concurrent use.
type Writer struct {
	path     string
	file     *os.File
	out      *sink
	w        *parquet.Writer
	payloads []int // leaf indices
	group    int64 // bytes of the row group so far
	inGroup  int64 // rows of it
	limit    int64
	rows     int64
	err      error // of an earlier write
}

// sink counts and hashes what goes to the file.
type sink struct {
	file *os.File
	hash hash.Hash
	n    int64
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.hash.Write(p[:n])
	s.n += int64(n)
	return n, err
}

// Create makes the file, which must not exist.
func Create(path string, schema *parquet.Schema, o Options) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, file: f, out: &sink{file: f, hash: sha256.New()}, limit: o.RowGroupBytes}
	if w.limit <= 0 {
		w.limit = defaultRowGroup
	}
	options := []parquet.WriterOption{
		schema,
		parquet.CreatedBy("micropq", "1", "0"),
		parquet.DataPageVersion(1), // the CRC of version 2 pages is checked by few readers
		parquet.PageBufferSize(smallPage),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.MaxRowsPerRowGroup(maxGroupRows),
	}
	for _, p := range o.PayloadColumns {
		path := strings.Split(p, ".")
		leaf, ok := schema.Lookup(path...)
		if !ok {
			return nil, errors.Join(fmt.Errorf("%s: no payload column %q", w.path, p), w.Abort())
		}
		w.payloads = append(w.payloads, leaf.ColumnIndex)
		options = append(options, parquet.SkipPageBounds(path...), parquet.SkipPageStatistics(path...))
	}
	for _, k := range slices.Sorted(maps.Keys(o.Metadata)) {
		options = append(options, parquet.KeyValueMetadata(k, o.Metadata[k]))
	}
	w.w = parquet.NewWriter(w.out, options...)
	return w, nil
}

// Write adds a row.
func (w *Writer) Write(row parquet.Row) error {
	if w.err != nil {
		return w.err
	}
	if err := w.write(row); err != nil {
		w.err = fmt.Errorf("write %s: %w", w.path, err)
	}
	return w.err
}

func (w *Writer) write(row parquet.Row) error {
	if w.group >= w.limit || w.inGroup >= maxGroupRows {
		if err := w.w.Flush(); err != nil {
			return err
		}
		w.group, w.inGroup = 0, 0
	}
	if _, err := w.w.WriteRows([]parquet.Row{row}); err != nil {
		return err
	}
	w.rows++
	w.inGroup++
	filled := false
	for _, v := range row {
		w.group += valueSize(v)
		filled = filled || slices.Contains(w.payloads, v.Column()) && !v.IsNull()
	}
	if !filled {
		return nil
	}
	// A page ends behind every payload; nulls before it share its page.
	for _, c := range w.payloads {
		if err := w.w.ColumnWriters()[c].Flush(); err != nil {
			return err
		}
	}
	return nil
}

// valueSize is about what a value takes in memory.
func valueSize(v parquet.Value) int64 {
	const fixed = 8
	if k := v.Kind(); k == parquet.ByteArray || k == parquet.FixedLenByteArray {
		return fixed + int64(len(v.ByteArray()))
	}
	return fixed
}

// Finish writes the footer, syncs and closes the file.
func (w *Writer) Finish() (Receipt, error) {
	if w.file == nil {
		return Receipt{}, fmt.Errorf("%s: finished or aborted already", w.path)
	}
	err := w.err
	if err == nil {
		err = w.w.Close()
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		return Receipt{}, errors.Join(fmt.Errorf("finish %s: %w", w.path, err), w.Abort())
	}
	err = w.file.Close()
	w.file = nil
	if err != nil {
		return Receipt{}, errors.Join(err, os.Remove(w.path))
	}
	return Receipt{Rows: w.rows, Bytes: w.out.n, SHA256: hex.EncodeToString(w.out.hash.Sum(nil))}, nil
}

// Abort removes the file. After Finish it does nothing.
func (w *Writer) Abort() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Close(), os.Remove(w.path))
	w.file = nil
	return err
}
