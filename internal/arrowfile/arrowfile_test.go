package arrowfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micropq/micropq/schemas"
)

var text = arrow.BinaryTypes.String

// everything is a schema with a column of every type that is read.
var everything = arrow.NewSchema([]arrow.Field{
	{Name: "bool", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "int8", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
	{Name: "uint16", Type: arrow.PrimitiveTypes.Uint16, Nullable: true},
	{Name: "uint32", Type: arrow.PrimitiveTypes.Uint32, Nullable: true},
	{Name: "int64", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "float32", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "float64", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "text", Type: text, Nullable: true},
	{Name: "large", Type: arrow.BinaryTypes.LargeString, Nullable: true},
	{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
	{Name: "null", Type: arrow.Null, Nullable: true},
	{Name: "list", Type: arrow.ListOf(text), Nullable: true},
	{Name: "nested", Type: arrow.LargeListOf(arrow.ListOf(arrow.PrimitiveTypes.Int32)), Nullable: true},
	{Name: "fixed", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float64), Nullable: true},
	{Name: "struct", Nullable: true, Type: arrow.StructOf(
		arrow.Field{Name: "a", Type: text, Nullable: true},
		arrow.Field{Name: "b", Type: arrow.ListOf(arrow.StructOf(arrow.Field{Name: "c", Type: arrow.PrimitiveTypes.Int64, Nullable: true})), Nullable: true})},
}, nil)

// rows are n rows of everything, as JSON that encoding/json and the Arrow library both read.
func rows(n int) (out []map[string]any) {
	for i := range n {
		r := map[string]any{
			"bool": i%2 == 0, "int8": -i % 100, "uint16": i, "uint32": 1<<31 + i, "int64": 1 << 40, "float32": 0.5 * float64(i), "float64": 1.25,
			"text": fmt.Sprintf("row %d \u00e9", i), "large": strings.Repeat("l", i%50), "bytes": []byte{byte(i), 0, 255}, "null": nil,
			"list": []any{"x", nil, fmt.Sprint(i)}[:i%4], "nested": []any{[]any{1, 2}, nil, []any{}}, "fixed": []any{1.5, float64(i)},
			"struct": map[string]any{"a": "s", "b": []any{map[string]any{"c": i}, nil}},
		}
		for k, f := range everything.Fields() {
			if (i+k)%5 == 0 {
				r[f.Name] = nil
			}
		}
		out = append(out, r)
	}
	return out
}

// encode writes rows in batches; file is the file format, codec an option of the writer.
func encode(t testing.TB, schema *arrow.Schema, rows []map[string]any, batch int, file bool, options ...ipc.Option) []byte {
	t.Helper()
	var out bytes.Buffer
	options = append(options, ipc.WithSchema(schema))
	var w interface {
		Write(arrow.RecordBatch) error
		Close() error
	} = ipc.NewWriter(&out, options...)
	if file {
		out.Reset()
		f, err := ipc.NewFileWriter(&out, options...)
		if err != nil {
			t.Fatal(err)
		}
		w = f
	}
	for at := 0; at < len(rows); at += batch {
		data, err := json.Marshal(rows[at:min(at+batch, len(rows))])
		if err != nil {
			t.Fatal(err)
		}
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		rec.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)), "f.arrow")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// read reads all rows; the error is that of the first that has one.
func read(f *File, o Options) (values [][]any, err error) {
	for i := range f.Batches() {
		e := f.ReadBatch(i, o, func(r Row) error {
			if r.Err != nil {
				return r.Err
			}
			values = append(values, r.Values)
			return nil
		})
		if e != nil {
			return values, e
		}
	}
	return values, nil
}

// asJSON makes values comparable with what was written.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReadsWhatTheArrowLibraryWrites(t *testing.T) {
	want := rows(100)
	for name, data := range map[string][]byte{
		"stream":      encode(t, everything, want, 30, false),
		"file":        encode(t, everything, want, 30, true),
		"one batch":   encode(t, everything, want, 1000, false),
		"zstd":        encode(t, everything, want, 40, true, ipc.WithZstd()),
		"lz4":         encode(t, everything, want, 40, false, ipc.WithLZ4()),
		"without end": bytes.TrimSuffix(encode(t, everything, want, 30, false), []byte{255, 255, 255, 255, 0, 0, 0, 0}),
	} {
		for _, slice := range []int64{1, 500, 0} {
			t.Run(fmt.Sprintf("%s/%d", name, slice), func(t *testing.T) {
				f := open(t, data)
				got, err := read(f, Options{Slice: slice})
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != len(want) || f.Rows() != int64(len(want)) {
					t.Fatalf("%d rows, the file says %d", len(got), f.Rows())
				}
				for i := range want {
					for k, field := range everything.Fields() {
						if g, w := asJSON(t, got[i][k]), asJSON(t, want[i][field.Name]); !reflect.DeepEqual(g, w) {
							t.Fatalf("row %d, %s: %v, want %v", i, field.Name, g, w)
						}
					}
				}
			})
		}
	}
}

func TestColumnsWanted(t *testing.T) {
	data := encode(t, everything, rows(20), 20, false)
	got, err := read(open(t, data), Options{Columns: []int{7, 4}})
	if err != nil || len(got) != 20 || got[1][0] != "row 1 \u00e9" || got[2][1] != int64(1)<<40 {
		t.Fatalf("got %v, %v", got, err)
	}
	columns, err := Columns(everything)
	if err != nil || columns[1].Type != schemas.TypeInt32 || columns[3].Type != schemas.TypeInt64 || columns[14].Fields[1].Elem.Fields[0].Type != schemas.TypeInt64 {
		t.Errorf("columns %v, %v", columns, err)
	}
}

// countingReader counts bytes read.
type countingReader struct {
	*bytes.Reader
	n int64
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// Columns that are not wanted are not read.
func TestReadsOnlyWhatIsWanted(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: text}, {Name: "image", Type: arrow.BinaryTypes.Binary}}, nil)
	var list []map[string]any
	for i := range 50 {
		list = append(list, map[string]any{"id": fmt.Sprint(i), "image": make([]byte, 100_000)})
	}
	data := encode(t, schema, list, 50, false)
	r := &countingReader{Reader: bytes.NewReader(data)}
	f, err := Open(r, int64(len(data)), "f.arrow")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(f, Options{Columns: []int{0}}); err != nil || len(got) != 50 {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if r.n > 10_000 {
		t.Errorf("%d bytes read of %d", r.n, len(data))
	}
}

func TestUnsupportedTypes(t *testing.T) {
	for _, unsupported := range []arrow.DataType{
		arrow.FixedWidthTypes.Timestamp_us, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: text}, arrow.BinaryTypes.StringView,
		arrow.ListOf(&arrow.Decimal128Type{Precision: 5}),
	} {
		_, err := Columns(arrow.NewSchema([]arrow.Field{{Name: "c", Type: unsupported}}, nil))
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "column c") {
			t.Errorf("%s: %v", unsupported, err)
		}
	}
}

// A file cut anywhere gives the rows of its whole batches, and says that it is cut.
func TestCut(t *testing.T) {
	data := encode(t, everything, rows(40), 10, false)
	for n := range len(data) {
		f, err := Open(bytes.NewReader(data[:n]), int64(n), "f.arrow")
		if f == nil {
			if err == nil {
				t.Fatalf("%d bytes: neither file nor error", n)
			}
			continue
		}
		whole := n >= len(data)-8 // the end of a stream may be missing
		if !whole && err == nil && f.Rows()%10 != 0 {
			t.Fatalf("%d bytes: %d rows and no error", n, f.Rows())
		}
		if got, readErr := read(f, Options{}); readErr != nil || int64(len(got)) != f.Rows() {
			t.Fatalf("%d bytes: %d of %d rows, %v", n, len(got), f.Rows(), readErr)
		}
	}
	n := len(data) * 3 / 5
	_, err := Open(bytes.NewReader(data[:n]), int64(n), "f.arrow")
	var e *Error
	if !errors.Is(err, ErrCut) || !errors.As(err, &e) || e.File != "f.arrow" || e.Row <= 0 || e.Offset <= 0 {
		t.Errorf("got %v", err)
	}
}

// One flipped byte changes values or is an error, and is never a panic; rows that are not
// touched can still be read.
func TestFlipped(t *testing.T) {
	data := encode(t, everything, rows(6), 3, false)
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 0x41
		f, _ := Open(bytes.NewReader(bad), int64(len(bad)), "f.arrow")
		if f != nil {
			_, _ = read(f, Options{Limit: 1 << 20})
		}
	}
}

func TestValueTooLarge(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "text", Type: text}}, nil)
	list := []map[string]any{{"id": 1, "text": "a"}, {"id": 2, "text": strings.Repeat("b", 5000)}, {"id": 3, "text": "c"}}
	f := open(t, encode(t, schema, list, 3, false))
	var good, bad []int64
	err := f.ReadBatch(0, Options{Limit: 1000}, func(r Row) error {
		if r.Err != nil {
			bad = append(bad, r.Number)
			if !errors.Is(r.Err, ErrTooLarge) || !strings.Contains(r.Err.Error(), "f.arrow, row 1, column text") {
				t.Errorf("got %v", r.Err)
			}
		} else {
			good = append(good, r.Values[0].(int64))
		}
		return nil
	})
	if err != nil || !reflect.DeepEqual(good, []int64{1, 3}) || !reflect.DeepEqual(bad, []int64{1}) {
		t.Errorf("good %v, bad %v, %v", good, bad, err)
	}
}

func TestNoArrowFile(t *testing.T) {
	for _, data := range []string{"", "short", "PAR1 and so on and on", "ARROW1\x00\x00", strings.Repeat("\xff", 64), strings.Repeat("\x00", 64)} {
		if f, err := Open(strings.NewReader(data), int64(len(data)), "f.arrow"); err == nil || f != nil {
			t.Errorf("%q: %v, %v", data, f, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(encode(f, everything, rows(4), 2, false))
	f.Add(encode(f, everything, rows(4), 4, true, ipc.WithZstd()))
	f.Add(encode(f, everything, rows(3), 4, false, ipc.WithLZ4()))
	malformed, err := filepath.Glob("testdata/malformed/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range malformed {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Open(bytes.NewReader(data), int64(len(data)), "f.arrow")
		if file == nil {
			if err == nil {
				t.Fatal("neither file nor error")
			}
			return
		}
		if file.Rows() > 1<<12 {
			return
		}
		_, _ = read(file, Options{Limit: 1 << 20})
	})
}
