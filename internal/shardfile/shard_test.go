package shardfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// row is a row like those of the tables: keys, a measure that may be missing, and payloads.
type row struct {
	Sample string   `parquet:"sample_id,dict"`
	Z      int32    `parquet:"z"`
	Digest int64    `parquet:"digest"`
	Mean   *float64 `parquet:"mean,optional"`
	Labels []int64  `parquet:"ids,list"`
	Data   []byte   `parquet:"data,optional,uncompressed"`
	Image  *image   `parquet:"image,optional"`
}

type image struct {
	Bytes []byte `parquet:"bytes,optional,uncompressed"`
	Path  string `parquet:"path"`
}

var (
	rowSchema = parquet.SchemaOf(row{})
	options   = Options{
		Metadata:       map[string]string{"micropq": `{"format":"1.0"}`, "b": "2", "a": "1"},
		PayloadColumns: []string{"data", "image.bytes"},
	}
)

// randomRows has payloads of 0 to size bytes, a third of them null.
func randomRows(seed uint64, n, size int) []row {
	r := rand.New(rand.NewPCG(seed, 1))
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{
			Sample: fmt.Sprintf("sample-%d", i*3/n), Z: int32(i), Digest: r.Int64(),
			Labels: make([]int64, r.IntN(4)),
		}
		if r.IntN(2) == 0 {
			mean := r.Float64()
			rows[i].Mean = &mean
		}
		if r.IntN(3) > 0 {
			rows[i].Data = noise(r, r.IntN(size+1))
		}
		if r.IntN(4) == 0 {
			rows[i].Image = &image{Path: fmt.Sprintf("%d.png", i)}
			if r.IntN(3) > 0 {
				rows[i].Image.Bytes = noise(r, r.IntN(size+1))
			}
		}
	}
	return rows
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func writeShard(t testing.TB, rows []row, o Options) (path string, receipt Receipt) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "shard.parquet")
	w, err := Create(path, rowSchema, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteRows(w, rows...); err != nil {
		t.Fatal(err)
	}
	if receipt, err = w.Finish(); err != nil {
		t.Fatal(err)
	}
	return path, receipt
}

func openBytes(t testing.TB, b []byte) *Reader {
	t.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)), "shard.parquet")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkPayloads reads the payloads of all rows in a random order.
func checkPayloads(t *testing.T, r *Reader, rows []row) {
	t.Helper()
	if r.NumRows() != int64(len(rows)) {
		t.Fatalf("%d rows, want %d", r.NumRows(), len(rows))
	}
	var buf Buffer
	for _, i := range rand.New(rand.NewPCG(3, 3)).Perm(len(rows)) {
		check := func(column string, want []byte) {
			t.Helper()
			data, null, err := r.Payload(t.Context(), int64(i), column, &buf)
			if err != nil {
				t.Fatal(err)
			}
			if null != (want == nil) || !bytes.Equal(data, want) {
				t.Fatalf("row %d, %s: %d bytes, null %v; want %d bytes, null %v", i, column, len(data), null, len(want), want == nil)
			}
		}
		check("data", rows[i].Data)
		if im := rows[i].Image; im != nil {
			check("image.bytes", im.Bytes)
		} else {
			check("image.bytes", nil)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	tests := []struct {
		name       string
		rows       []row
		groupBytes int64
	}{
		{"no rows", nil, 0},
		{"one row", randomRows(1, 1, 10), 0},
		{"one group", randomRows(2, 300, 5000), 0},
		{"many groups", randomRows(3, 300, 5000), 20000},
		{"a group a row", randomRows(4, 50, 100), 1},
		{"nulls", make([]row, 1000), 0},
		{"empty and huge", []row{{Data: []byte{}}, {Data: noise(rand.New(rand.NewPCG(9, 9)), 20<<20)}, {}, {Data: []byte{}}}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := options
			o.RowGroupBytes = test.groupBytes
			path, receipt := writeShard(t, test.rows, o)
			b := readFile(t, path)
			sum := sha256.Sum256(b)
			want := Receipt{Rows: int64(len(test.rows)), Bytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
			if receipt != want {
				t.Errorf("receipt %+v, want %+v", receipt, want)
			}
			r := openBytes(t, b)
			checkPayloads(t, r, test.rows)
			if v, ok := r.Lookup("micropq"); !ok || v != options.Metadata["micropq"] {
				t.Errorf("metadata %q, %v", v, ok)
			}
			if test.groupBytes > 0 && len(r.RowGroups()) < len(test.rows)/10 {
				t.Errorf("%d row groups", len(r.RowGroups()))
			}
		})
	}
}

func TestSameBytesTwice(t *testing.T) {
	o := options
	o.RowGroupBytes = 1 << 20
	a, ra := writeShard(t, randomRows(5, 500, 20000), o)
	b, rb := writeShard(t, randomRows(5, 500, 20000), o)
	if ra != rb || !bytes.Equal(readFile(t, a), readFile(t, b)) {
		t.Error("the same rows gave other bytes")
	}
}

// A payload has a page to itself and the nulls before it, as it is, with a CRC and without
// statistics; the other columns have bounds.
func TestPages(t *testing.T) {
	o := options
	o.RowGroupBytes = 1 << 20
	rows := randomRows(6, 1000, 5000)
	path, _ := writeShard(t, rows, o)
	b := readFile(t, path)
	r := openBytes(t, b)
	for g := range r.RowGroups() {
		for leaf, c := range r.File.Metadata().RowGroups[g].Columns {
			column := fmt.Sprint(c.MetaData.PathInSchema)
			payload := column == "[data]" || column == "[image bytes]"
			var buf Buffer
			pages, _, err := r.locations(t.Context(), chunkKey{g, leaf}, &buf)
			if err != nil {
				t.Fatal(err)
			}
			if c.OffsetIndexLength == 0 || c.ColumnIndexLength == 0 {
				t.Errorf("%s has no page index", column)
			}
			s := c.MetaData.Statistics
			if hasBounds := len(s.MinValue) > 0; hasBounds == payload {
				t.Errorf("%s: min %q, max %q", column, s.MinValue, s.MaxValue)
			}
			for _, p := range pages {
				var h format.PageHeader
				body, err := unmarshal(b[p.Offset:p.Offset+int64(p.CompressedPageSize)], &h)
				if err != nil {
					t.Fatal(err)
				}
				if h.CRC == 0 || h.Type != format.DataPage {
					t.Errorf("%s: page header %+v", column, h)
				}
				if payload {
					checkPayloadPage(t, &h, body)
				}
			}
		}
	}
	one, others := int64(0), 0
	for _, row := range rows {
		if row.Data != nil {
			one += int64(len(row.Data)) + 100
		}
		if row.Image != nil {
			one += int64(len(row.Image.Bytes)) + 100
		}
		others += 150
	}
	if int64(len(b)) > one+int64(others) {
		t.Errorf("%d bytes for %d bytes of payloads", len(b), one)
	}
}

func checkPayloadPage(t *testing.T, h *format.PageHeader, body []byte) {
	t.Helper()
	d := h.DataPageHeader.V
	if d.Encoding != format.Plain || h.CompressedPageSize != h.UncompressedPageSize || d.Statistics.MinValue != nil {
		t.Errorf("payload page header %+v", h)
	}
	_, values, err := prefixed(body)
	if err != nil {
		t.Fatal(err)
	}
	if len(values) == 0 {
		return // only nulls
	}
	if _, rest, err := prefixed(values); err != nil || len(rest) > 0 {
		t.Errorf("%d bytes behind the first payload of a page, %v", len(rest), err)
	}
}

func TestNullsCostNothing(t *testing.T) {
	rows := make([]row, 50000)
	_, receipt := writeShard(t, rows, options)
	if receipt.Bytes > 10000 {
		t.Errorf("%d bytes for %d rows of nulls", receipt.Bytes, len(rows))
	}
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "shard.parquet")
	type compressed struct {
		Data []byte `parquet:"data,zstd"`
	}
	type number struct {
		Data int64 `parquet:"data"`
	}
	tests := []struct {
		name   string
		schema *parquet.Schema
		o      Options
	}{
		{"no column", rowSchema, Options{PayloadColumns: []string{"date"}}},
		{"compressed", parquet.SchemaOf(compressed{}), Options{PayloadColumns: []string{"data"}}},
		{"number", parquet.SchemaOf(number{}), Options{PayloadColumns: []string{"data"}}},
	}
	for _, test := range tests {
		if _, err := Create(path, test.schema, test.o); err == nil {
			t.Errorf("%s: no error", test.name)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: left a file", test.name)
		}
	}
	if err := os.WriteFile(path, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, rowSchema, options); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if string(readFile(t, path)) != "mine" {
		t.Error("an existing file was changed")
	}
}

func TestFinishAndAbort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shard.parquet")
	start := func() *Writer {
		t.Helper()
		w, err := Create(path, rowSchema, options)
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteRows(w, randomRows(1, 3, 10)...); err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := start()
	if err := errors.Join(w.Abort(), w.Abort()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("Abort left the file")
	}
	if _, err := w.Finish(); !errors.Is(err, ErrClosed) {
		t.Errorf("Finish after Abort: %v", err)
	}

	w = start()
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("Abort after Finish removed the file")
	}
	if _, err := w.Finish(); !errors.Is(err, ErrClosed) {
		t.Errorf("a second Finish: %v", err)
	}
	if err := WriteRows(w, row{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Write after Finish: %v", err)
	}
}

// A row of another shape is an error, and the shard cannot be finished after it.
func TestFailedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shard.parquet")
	w, err := Create(path, rowSchema, options)
	if err != nil {
		t.Fatal(err)
	}
	bad := parquet.Row{parquet.Int32Value(1).Level(0, 0, 100)}
	first := w.Write(bad)
	if first == nil {
		t.Fatal("a row with 101 columns was written")
	}
	if err := WriteRows(w, row{}); err == nil {
		t.Error("a write after a failed one worked")
	}
	if _, err := w.Finish(); err == nil {
		t.Error("Finish worked after a failed write")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a failed Finish left the file")
	}
}
