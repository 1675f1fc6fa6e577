package shardfile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// Options of Create. The zero value works for a table without payloads.
type Options struct {
	// Metadata is the key-value metadata of the file.
	Metadata map[string]string
	// PayloadColumns are the dotted paths of the payload columns. The schema must leave them
	// plain and uncompressed.
	PayloadColumns []string
	// RowGroupBytes is the size of its values at which a row group ends; default 64 MiB.
	RowGroupBytes int64
	// Compression is that of the columns that are no payload; default zstd.
	Compression compress.Codec
}

const (
	defaultRowGroup = 64 << 20
	// smallPage is the page size of the columns that are no payload, before compression.
	smallPage = 64 << 10
	// maxGroupRows bounds a row group of small rows, such as chunks without data.
	maxGroupRows = 1 << 16
)

// ErrClosed is wrapped where a writer is used after Finish or Abort.
var ErrClosed = errors.New("the shard is finished or aborted already")

// Receipt says what a finished shard holds.
type Receipt struct {
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // lower-case hexadecimal
}

// Writer writes one shard. Finish or Abort must be called. It is not safe for concurrent use.
type Writer struct {
	out      *output
	w        *parquet.Writer
	row      [1]parquet.Row
	payloads []int // leaf columns
	limit    int64 // bytes of a row group
	bytes    int64 // of the values in the row group so far
	group    int64 // rows in the row group so far
	rows     int64
	err      error // of an earlier write
}

// Create makes the file, which must not exist.
func Create(path string, schema *parquet.Schema, o Options) (*Writer, error) {
	options, payloads, err := writerOptions(schema, o)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	out, err := create(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{out: out, payloads: payloads, limit: o.RowGroupBytes}
	if w.limit <= 0 {
		w.limit = defaultRowGroup
	}
	w.w = parquet.NewWriter(out, options...)
	return w, nil
}

// writerOptions also returns the leaf columns of the payloads.
func writerOptions(schema *parquet.Schema, o Options) (options []parquet.WriterOption, payloads []int, err error) {
	codec := o.Compression
	if codec == nil {
		codec = &zstd.Codec{Level: zstd.SpeedDefault}
	}
	options = []parquet.WriterOption{
		schema,
		parquet.CreatedBy("micropq", "1", "1"), // of the layout, the same on every build
		parquet.DataPageVersion(1),             // the version whose CRC every reader checks
		parquet.DataPageStatistics(false),      // the page index has them
		parquet.PageBufferSize(smallPage),
		parquet.Compression(codec),
		parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain),
	}
	for _, column := range o.PayloadColumns {
		path := strings.Split(column, ".")
		leaf, ok := schema.Lookup(path...)
		if !ok {
			return nil, nil, fmt.Errorf("no payload column %q in the schema", column)
		}
		if err := checkPayload(leaf); err != nil {
			return nil, nil, fmt.Errorf("payload column %q: %w", column, err)
		}
		payloads = append(payloads, leaf.ColumnIndex)
		options = append(options, parquet.SkipPageBounds(path...))
	}
	for _, k := range slices.Sorted(maps.Keys(o.Metadata)) {
		options = append(options, parquet.KeyValueMetadata(k, o.Metadata[k]))
	}
	return options, payloads, nil
}

// checkPayload reports why the values of a column could not lie one a page as they are.
func checkPayload(leaf parquet.LeafColumn) error {
	encoding, codec := leaf.Node.Encoding(), leaf.Node.Compression()
	switch {
	case leaf.Node.Type().Kind() != parquet.ByteArray || leaf.MaxRepetitionLevel > 0:
		return errors.New("want one byte array a row")
	case encoding != nil && encoding.Encoding() != format.Plain:
		return fmt.Errorf("encoding is %v, want none", encoding)
	case codec == nil || codec.CompressionCodec() != format.Uncompressed:
		return fmt.Errorf("compression is %v, want it marked as uncompressed", codec)
	}
	return nil
}

// Write adds a row. The writer keeps nothing of it.
func (w *Writer) Write(row parquet.Row) error {
	if w.err == nil && w.out.closed() {
		w.err = ErrClosed
	}
	if w.err != nil {
		return w.fail("write", w.err)
	}
	if w.err = w.write(row); w.err != nil {
		return w.fail("write", w.err)
	}
	return nil
}

// WriteRows adds rows of the Go type that the schema was made for.
func WriteRows[T any](w *Writer, rows ...T) error {
	var row parquet.Row
	for i := range rows {
		row = w.w.Schema().Deconstruct(row[:0], &rows[i])
		if err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) fail(verb string, err error) error {
	return fmt.Errorf("%s %s: row %d: %w", verb, w.out.path, w.rows, err)
}

func (w *Writer) write(row parquet.Row) (err error) {
	defer recovered(&err)
	if w.bytes >= w.limit || w.group >= maxGroupRows {
		if err := w.w.Flush(); err != nil {
			return err
		}
		w.bytes, w.group = 0, 0
	}
	w.row[0] = row
	_, err = w.w.WriteRows(w.row[:])
	w.row[0] = nil
	if err != nil {
		return err
	}
	w.rows++
	w.group++
	for _, v := range row {
		w.bytes += valueSize(v)
		if v.IsNull() || !slices.Contains(w.payloads, v.Column()) {
			continue
		}
		// The page ends behind the payload. The nulls before it are in it, too.
		if err := w.w.ColumnWriters()[v.Column()].Flush(); err != nil {
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

// Size is the number of bytes written to the file so far: of whole row groups.
func (w *Writer) Size() int64 { return w.out.size }

// Finish writes the footer, syncs and closes the file. It fails where a write had failed.
// Where it fails the file is removed.
func (w *Writer) Finish() (Receipt, error) {
	if w.out.closed() {
		return Receipt{}, w.fail("finish", ErrClosed)
	}
	err := w.err
	if err == nil {
		err = w.close()
	}
	if err == nil {
		err = w.out.finish()
	}
	if err != nil {
		return Receipt{}, errors.Join(w.fail("finish", err), w.Abort())
	}
	return Receipt{Rows: w.rows, Bytes: w.out.size, SHA256: w.out.sum()}, nil
}

func (w *Writer) close() (err error) {
	defer recovered(&err)
	return w.w.Close()
}

// Abort removes the file. After Finish or Abort it does nothing.
func (w *Writer) Abort() error { return w.out.abort() }

// recovered makes an error of a panic of the Parquet library: it trusts some claims of a
// file, and the shape of a row.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("parquet: %v", p)
	}
}
