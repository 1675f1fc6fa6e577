package shardfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// groupRows reads the rows of a row group as values of T.
func groupRows[T any](r *Reader, g int) ([]T, error) {
	rows := parquet.NewGenericRowGroupReader[T](r.RowGroup(context.Background(), g))
	defer rows.Close()
	out := make([]T, r.rowsOf(g))
	n, err := rows.Read(out)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out[:n], err
}

func TestRowGroup(t *testing.T) {
	o := options
	o.RowGroupBytes = 100 << 10
	rows := randomRows(41, 500, 2000)
	path, _ := writeShard(t, rows, o)
	r := openBytes(t, readFile(t, path))
	if len(r.RowGroups()) < 3 {
		t.Errorf("%d row groups", len(r.RowGroups()))
	}
	checkRowGroups(t, r, rows)
}

// checkRowGroups reads all rows through the Parquet library.
func checkRowGroups(t *testing.T, r *Reader, rows []row) {
	t.Helper()
	var got []row
	for g := range r.RowGroups() {
		part, err := groupRows[row](r, g)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
	}
	if len(got) != len(rows) {
		t.Fatalf("%d rows of %d", len(got), len(rows))
	}
	for i := range rows {
		want, have := rows[i], got[i]
		if len(want.Labels) == 0 && len(have.Labels) == 0 {
			want.Labels, have.Labels = nil, nil
		}
		if !reflect.DeepEqual(have, want) {
			t.Fatalf("row %d: %+v, want %+v", i, have, want)
		}
	}
}

// The small columns of a row group are one read, and payloads are none of it.
func TestRowGroupReads(t *testing.T) {
	type keys struct {
		Sample string   `parquet:"sample_id,dict"`
		Z      int32    `parquet:"z"`
		Digest int64    `parquet:"digest"`
		Mean   *float64 `parquet:"mean,optional"`
	}
	rows := payloadRows(500, 2000)
	path, _ := writeShard(t, rows, options)
	b := readFile(t, path)
	reads := &counter{Reader: bytes.NewReader(b)}
	r, err := Open(reads, int64(len(b)), "shard.parquet")
	if err != nil {
		t.Fatal(err)
	}
	before := *reads
	got, err := groupRows[keys](r, 0)
	if err != nil || len(got) != len(rows) || got[99].Z != 99 || got[99].Digest != rows[99].Digest {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if n, size := reads.n-before.n, reads.bytes-before.bytes; n != 1 || size > 50<<10 {
		t.Errorf("%d reads of %d bytes, want one without the payloads", n, size)
	}
}

// A flipped byte in any column, small or not, is found before the library decodes it, and named.
func TestRowGroupDamage(t *testing.T) {
	rows := randomRows(42, 40, 200)
	path, _ := writeShard(t, rows, options)
	clean := readFile(t, path)
	for leaf, path := range openBytes(t, clean).Schema().Columns() {
		column := strings.Join(path, ".")
		b := bytes.Clone(clean)
		at, n := openBytes(t, clean).span(chunkKey{0, leaf})
		b[at+n-1] ^= 1
		r := openBytes(t, b)
		_, err := groupRows[row](r, 0)
		var page *PageError
		if !errors.Is(err, ErrChecksum) || !errors.As(err, &page) || page.Column != column || page.File != "shard.parquet" {
			t.Errorf("%s: error %v", column, err)
		}
	}
}

// A large column is read page by page: some rows do not take all of it.
func TestRowGroupLargeColumn(t *testing.T) {
	type payloads struct {
		Data []byte `parquet:"data,optional,uncompressed"`
	}
	rows := payloadRows(100, wholeColumn/50)
	path, _ := writeShard(t, rows, options)
	b := readFile(t, path)
	reads := &counter{Reader: bytes.NewReader(b)}
	r, err := Open(reads, int64(len(b)), "shard.parquet")
	if err != nil {
		t.Fatal(err)
	}
	before := reads.bytes
	g := parquet.NewGenericRowGroupReader[payloads](r.RowGroup(t.Context(), 0))
	defer g.Close()
	got := make([]payloads, 2)
	if n, err := g.Read(got); n != 2 || err != nil || !bytes.Equal(got[1].Data, rows[1].Data) {
		t.Fatalf("%d rows, %v", n, err)
	}
	if took := reads.bytes - before; took > wholeColumn/4 {
		t.Errorf("two rows of %d bytes took %d", wholeColumn/50, took)
	}
}
