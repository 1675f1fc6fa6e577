package shardfile

import (
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// checkColumns reads the small columns of all row groups.
func checkColumns(t *testing.T, r *Reader, rows []row) {
	t.Helper()
	samples, z, digests := []string{}, []int32{}, []int64{}
	for g := range r.RowGroups() {
		var err error
		if samples, err = ReadColumn(r, g, "sample_id", samples); err != nil {
			t.Fatal(err)
		}
		if z, err = ReadColumn(r, g, "z", z); err != nil {
			t.Fatal(err)
		}
		if digests, err = ReadColumn(r, g, "digest", digests); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		if samples[i] != rows[i].Sample || z[i] != rows[i].Z || digests[i] != rows[i].Digest {
			t.Fatalf("row %d is %s %d %d, want %+v", i, samples[i], z[i], digests[i], rows[i])
		}
	}
	if len(samples) != len(rows) || len(z) != len(rows) || len(digests) != len(rows) {
		t.Errorf("%d, %d and %d values of %d rows", len(samples), len(z), len(digests), len(rows))
	}
}

func TestReadColumn(t *testing.T) {
	o := options
	o.RowGroupBytes = 100 << 10
	rows := randomRows(21, 5000, 100)
	path, _ := writeShard(t, rows, o)
	checkColumns(t, openBytes(t, readFile(t, path)), rows)
}

func TestReadColumnTypes(t *testing.T) {
	type every struct {
		Bool   bool    `parquet:"bool"`
		Uint64 uint64  `parquet:"uint64"`
		Float  float32 `parquet:"float"`
		Double float64 `parquet:"double"`
		Maybe  *int64  `parquet:"maybe,optional"`
	}
	path := t.TempDir() + "/shard.parquet"
	w, err := Create(path, parquet.SchemaOf(every{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	one := int64(1)
	if err := WriteRows(w, every{true, 1 << 63, 0.5, 0.25, &one}, every{Maybe: nil}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	r := openBytes(t, readFile(t, path))
	want(t, r, "bool", true, false)
	want(t, r, "uint64", uint64(1<<63), 0)
	want(t, r, "float", float32(0.5), 0)
	want(t, r, "double", 0.25, 0)
	if _, err := ReadColumn[int64](r, 0, "maybe", nil); err == nil {
		t.Error("a null was read as a value")
	}
	if _, err := ReadColumn[int32](r, 0, "double", nil); err == nil {
		t.Error("a column was read as another type")
	}
	if _, err := ReadColumn[bool](r, 1, "bool", nil); err == nil {
		t.Error("a row group that is not there was read")
	}
}

func want[T Scalar](t *testing.T, r *Reader, column string, values ...T) {
	t.Helper()
	got, err := ReadColumn[T](r, 0, column, nil)
	if err != nil || !slices.Equal(got, values) {
		t.Errorf("%s: %v, %v; want %v", column, got, err, values)
	}
}
