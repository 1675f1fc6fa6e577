package schemas

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/internal/oracle"
)

const oracleRows = 50

// added are columns of every type, as a source may have that is only known when it is read.
var added = []Column{
	{Name: "source_flag", Type: TypeBool},
	{Name: "source_i32", Type: TypeInt32, Nullable: true},
	{Name: "source_u64", Type: TypeUint64, Nullable: true},
	{Name: "source_f32", Type: TypeFloat32, Nullable: true},
	{Name: "source_f64", Type: TypeFloat64, Nullable: true},
	{Name: "source_text", Type: TypeString, Nullable: true, Dict: true},
	{Name: "source_bytes", Type: TypeBinary, Nullable: true, Payload: true},
	{Name: "source_day", Type: TypeDate, Nullable: true},
	{Name: "source_class", Type: TypeInt64, Nullable: true, Classes: []string{"a", "b", "c"}},
	{Name: "source_matrix", Type: TypeList, Nullable: true,
		Elem: &Column{Type: TypeList, Elem: &Column{Type: TypeFloat64}}},
	{Name: "source_captions", Type: TypeStruct, Nullable: true, Fields: []Column{
		{Name: "modality_0", Type: TypeStruct, Nullable: true, Fields: []Column{
			{Name: "name", Type: TypeString},
			{Name: "options", Type: TypeList, Nullable: true, Elem: &Column{Type: TypeString, Nullable: true}},
		}},
		{Name: "above", Type: TypeInt32, Nullable: true},
	}},
	{Name: "source_polygons", Type: TypeList, Nullable: true, Elem: &Column{Type: TypeStruct, Nullable: true, Fields: []Column{
		{Name: "y", Type: TypeFloat64}, {Name: "x", Type: TypeFloat64, Nullable: true},
	}}},
}

// TestOtherReaders writes random rows, nulls included, of each released table and of one
// with added columns, and has pyarrow, Hugging Face datasets, polars and DuckDB read them.
func TestOtherReaders(t *testing.T) {
	python := oracle.Python(t)
	wide, err := Instances.With(added...)
	if err != nil {
		t.Fatal(err)
	}
	wide.Name = "wide"
	for _, table := range append(Tables(), wide) {
		t.Run(table.Name, func(t *testing.T) {
			dir := t.TempDir()
			rows, expected := randomRows(t, table)
			writeParquet(t, filepath.Join(dir, "rows.parquet"), table, rows, true)
			writeParquet(t, filepath.Join(dir, "bare.parquet"), table, rows, false)
			spec, err := json.Marshal(map[string]any{"rows": expected, "columns": table.Columns})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "expected.json"), spec, 0o644); err != nil {
				t.Fatal(err)
			}
			out := oracle.Run(t, python, "testdata/read_everywhere.py", dir)
			if want := "pyarrow datasets polars duckdb: " + strconv.Itoa(oracleRows) + " rows equal\n"; string(out) != want {
				t.Errorf("the readers say %q, want %q", out, want)
			}
		})
	}
}

// Rows written come back as the Go values they were made of.
func TestRowReconstructs(t *testing.T) {
	for _, table := range Tables() {
		r := rand.New(rand.NewPCG(1, 2))
		for range oracleRows {
			want := reflect.New(table.rowType)
			fillRandom(r, want.Elem(), table.Columns)
			row, err := table.Row(nil, want.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if other := parquet.SchemaOf(want.Interface()).Deconstruct(nil, want.Interface()); !row.Equal(other) {
				t.Fatalf("table %s: row\n%v\nparquet.SchemaOf makes\n%v", table.Name, row, other)
			}
			got := reflect.New(table.rowType)
			if err := table.Parquet().Reconstruct(got.Interface(), row); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Fatalf("table %s: %+v comes back as %+v", table.Name, want, got)
			}
		}
	}
}

// randomRows makes rows of the table and what a reader should see of each.
func randomRows(t *testing.T, table *Table) ([]parquet.Row, []map[string]any) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 11))
	var rows []parquet.Row
	var expected []map[string]any
	for range oracleRows {
		v := reflect.New(table.rowType).Elem()
		seen := make(map[string]any)
		var values []any
		for i := range table.Columns {
			c := &table.Columns[i]
			value := randomValue(r, c)
			if c.Type == TypeFloat64 && r.IntN(4) == 0 {
				value = math.NaN() // equals nothing, so randomValue makes none
			}
			if seen[c.Name] = readable(value); c.index != nil {
				set(v.FieldByIndex(c.index), c, value)
			} else {
				values = append(values, value)
			}
		}
		row, err := table.Row(nil, v.Interface(), values...)
		if err != nil {
			t.Fatal(err)
		}
		rows, expected = append(rows, row), append(expected, seen)
	}
	return rows, expected
}

func fillRandom(r *rand.Rand, v reflect.Value, columns []Column) {
	for i := range columns {
		c := &columns[i]
		set(v.FieldByIndex(c.index), c, randomValue(r, c))
	}
}

// randomValue is a value of the column as Table.Row takes it for an added one.
func randomValue(r *rand.Rand, c *Column) any {
	if c.Nullable && r.IntN(3) == 0 {
		return nil
	}
	switch c.Type {
	case TypeBool:
		return r.IntN(2) == 1
	case TypeInt32:
		return int32(r.Uint32())
	case TypeDate:
		return int32(r.IntN(40000) - 10000)
	case TypeInt64:
		if c.Classes != nil {
			return r.Int64N(int64(len(c.Classes)))
		}
		return int64(r.Uint64())
	case TypeUint64:
		return r.Uint64() | 1<<63 // more than an int64 holds
	case TypeFloat32:
		return float32(r.NormFloat64())
	case TypeFloat64:
		return []float64{r.NormFloat64(), 0, math.Inf(-1), math.MaxFloat64, -0.1}[r.IntN(5)]
	case TypeString:
		return []string{"", "a", "µ-Bench", "line\nbreak \"quoted\"", strconv.Itoa(r.Int())}[r.IntN(5)]
	case TypeBinary:
		return randomPNG(r)
	case TypeList:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, c.Elem)
		}
		return list
	}
	m := make(map[string]any)
	for i := range c.Fields {
		m[c.Fields[i].Name] = randomValue(r, &c.Fields[i])
	}
	if c.Feature == FeatureImage {
		m["bytes"] = randomPNG(r) // datasets reads the file at path where there are no bytes
	}
	return m
}

func randomPNG(r *rand.Rand) []byte {
	m := image.NewGray(image.Rect(0, 0, 1+r.IntN(5), 1+r.IntN(5)))
	m.SetGray(0, 0, color.Gray{uint8(r.Uint32())})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// set stores a value as Table.Row takes it for an added column into a Go field.
func set(dst reflect.Value, c *Column, value any) {
	if value == nil {
		return
	}
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	switch c.Type {
	case TypeList:
		list := value.([]any)
		dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
		for i := range list {
			set(dst.Index(i), c.Elem, list[i])
		}
	case TypeStruct:
		for i := range c.Fields {
			set(dst.FieldByIndex(c.Fields[i].index), &c.Fields[i], value.(map[string]any)[c.Fields[i].Name])
		}
	default:
		dst.Set(reflect.ValueOf(value))
	}
}

// readable is a value as the Python script compares it: bytes in hexadecimal, floats as
// their bits in hexadecimal.
func readable(value any) any {
	switch v := value.(type) {
	case []byte:
		return hex.EncodeToString(v)
	case float32:
		return readable(float64(v))
	case float64:
		if math.IsNaN(v) {
			return "nan" // whichever its bits
		}
		return strconv.FormatUint(math.Float64bits(v), 16)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = readable(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = readable(v[k])
		}
		return m
	}
	return value
}

// writeParquet writes rows with the table's metadata, or with none.
func writeParquet(t *testing.T, path string, table *Table, rows []parquet.Row, metadata bool) {
	t.Helper()
	options := []parquet.WriterOption{table.Parquet()}
	if metadata {
		m, err := table.FileMetadata()
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range m {
			options = append(options, parquet.KeyValueMetadata(k, v))
		}
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, options...)
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
