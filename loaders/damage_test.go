package loaders

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// damagedChunk is the row the tests damage: one in the middle of an array.
func damagedChunk(c *schemas.Chunk) bool {
	return c.SampleID == "b" && c.Array == "raw" && c.Level == 0 && c.Z == 8 && c.Y == 16 && c.X == 8
}

// readRaw reads all of sample b's raw.
func readRaw(t *testing.T, f *fixture, o Options) error {
	t.Helper()
	a, err := f.open(t, o).Array(t.Context(), "b", "raw", 0)
	if err != nil {
		return err
	}
	region := nd.Whole(a.Shape())
	_, err = a.Read(t.Context(), region, nd.Dense(make([]byte, region.Elements()*2), region.Shape, 2))
	return err
}

// checkDamage checks that an error names the damaged chunk, in the fields and in words.
func checkDamage(t *testing.T, err error, says string) {
	t.Helper()
	var d *DamageError
	if !errors.Is(err, ErrDamaged) || !errors.As(err, &d) {
		t.Fatalf("error %v, want damage", err)
	}
	if d.Sample != "b" || d.Array != "raw" || d.Level != 0 || !slices.Equal(d.Origin, []int{0, 8, 16, 8}) {
		t.Errorf("%+v names another chunk", d)
	}
	for _, part := range []string{d.File, fmt.Sprintf("row %d", d.Row), "sample b", fmt.Sprintf("digest %016x", d.Digest), says} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// damagePayload flips a bit of a chunk and returns its row and the file.
func damagePayload(t *testing.T, f *fixture) (damaged *schemas.Chunk, file string) {
	t.Helper()
	for _, c := range f.chunkRows(t, "b") {
		if damagedChunk(c) {
			damaged = c
		}
	}
	files, err := filepath.Glob(f.path("chunks/train-*"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		data := read(t, path)
		if at := bytes.Index(data, damaged.Data); at > 0 {
			file = path
			data[at+len(damaged.Data)/2] ^= 4
			write(t, path, data)
		}
	}
	return damaged, file
}

func TestFlippedPayload(t *testing.T) {
	f := newFixture(t)
	damaged, file := damagePayload(t, f)
	for _, o := range []Options{{}, {VerifyDigest: true}, {Workers: 1}} {
		err := readRaw(t, f, o)
		checkDamage(t, err, "checksum mismatch")
		var d *DamageError
		if errors.As(err, &d); f.path(d.File) != file || d.Digest != damaged.Digest {
			t.Errorf("%+v, want file %s and digest %016x", d, file, damaged.Digest)
		}
		checkRow(t, f, d)
	}
	// What lies beside it reads.
	q := Query{Sample: "b", Array: "raw", Region: Region{Origin: []int{0, 0, 0, 0}, Shape: []int{3, 8, 16, 8}}}
	if _, err := ReadRegion(t.Context(), f.open(t, Options{}), q, make([]uint16, q.Region.Elements())); err != nil {
		t.Error(err)
	}
}

// checkRow checks that the row of an error is the damaged chunk's in its file.
func checkRow(t *testing.T, f *fixture, d *DamageError) {
	t.Helper()
	rows := append(f.chunkRows(t, "a"), f.chunkRows(t, "b")...)
	var shard int
	if _, err := fmt.Sscanf(filepath.Base(d.File), "train-%05d-of-00003", &shard); err != nil {
		t.Fatal(err)
	}
	if at := slices.IndexFunc(rows, damagedChunk) - len(rows)*shard/3; int64(at) != d.Row {
		t.Errorf("row %d of %s, want %d", d.Row, d.File, at)
	}
}

// Every lie of the chunks table is found, and none reads as zeros.
func TestEditedRows(t *testing.T) {
	tests := []struct {
		name    string
		edit    func(*schemas.Chunk)
		options Options
		says    string
	}{
		{"no payload", func(c *schemas.Chunk) { c.Data = nil }, Options{}, "no data"},
		{"payload cut off", func(c *schemas.Chunk) { c.Data = c.Data[:len(c.Data)-1] }, Options{}, "corrupt payload"},
		{"payload of another size", func(c *schemas.Chunk) { c.Encoding = "raw" }, Options{}, "payload of the wrong size"},
		{"unknown encoding", func(c *schemas.Chunk) { c.Encoding = "lz5" }, Options{}, `unknown encoding "lz5"`},
		{"other type", func(c *schemas.Chunk) { c.DType = "int16" }, Options{}, "the sample says uint16"},
		{"other fill", func(c *schemas.Chunk) { c.Fill = 1 }, Options{}, "filled with 0"},
		{"other elements", func(c *schemas.Chunk) { c.Digest++ }, Options{VerifyDigest: true}, "the decoded chunk has digest"},
		{"other extent", func(c *schemas.Chunk) { c.SizeX-- }, Options{}, "rows are missing or out of order"},
		{"extent on an axis it lacks", func(c *schemas.Chunk) { c.SizeT = 2 }, Options{}, "rows are missing or out of order"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.edit = func(rows []*schemas.Chunk) []*schemas.Chunk {
				if i := slices.IndexFunc(rows, damagedChunk); i >= 0 {
					tt.edit(rows[i])
				}
				return rows
			}
			f.write(t, 64<<10)
			checkDamage(t, readRaw(t, f, tt.options), tt.says)
		})
	}
}

// A chunk without a row is damage, wherever it is missing.
func TestMissingRows(t *testing.T) {
	isRaw := func(c *schemas.Chunk) bool { return c.SampleID == "b" && c.Array == "raw" && c.Level == 0 }
	tests := []struct {
		name string
		edit func([]*schemas.Chunk) []*schemas.Chunk
		says string
	}{
		{"in the middle", func(rows []*schemas.Chunk) []*schemas.Chunk { return slices.DeleteFunc(rows, damagedChunk) }, "rows are missing or out of order"},
		{"the last", func(rows []*schemas.Chunk) []*schemas.Chunk {
			return slices.DeleteFunc(rows, func(c *schemas.Chunk) bool { return isRaw(c) && c.Z == 16 && c.Y == 32 && c.X == 16 })
		}, "the chunk has no row: 44 of 45 rows are there"},
		{"all", func(rows []*schemas.Chunk) []*schemas.Chunk { return slices.DeleteFunc(rows, isRaw) }, "the chunk has no row: 0 of 45"},
		{"two the other way round", func(rows []*schemas.Chunk) []*schemas.Chunk {
			if i := slices.IndexFunc(rows, damagedChunk); i >= 0 {
				rows[i], rows[i+1] = rows[i+1], rows[i]
			}
			return rows
		}, "rows are missing or out of order"},
		{"one twice", func(rows []*schemas.Chunk) []*schemas.Chunk {
			if i := slices.IndexFunc(rows, damagedChunk); i >= 0 {
				rows = slices.Insert(rows, i, rows[i])
			}
			return rows
		}, "rows are missing or out of order"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.edit = tt.edit
			f.write(t, 64<<10)
			err := readRaw(t, f, Options{})
			var d *DamageError
			if !errors.As(err, &d) || d.Sample != "b" || d.Array != "raw" || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want damage of raw of b: %s", err, tt.says)
			}
			// Other arrays are as they were.
			if _, err := f.open(t, Options{}).Array(t.Context(), "b", "gt", 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// A value changed in the small columns is noticed where they are read.
func TestFlippedKeys(t *testing.T) {
	f := newFixture(t)
	const shard = "samples/train-00000-of-00001.parquet"
	data := read(t, f.path(shard))
	data[60] ^= 0x20 // in the first column, whose pages the file begins with
	write(t, f.path(shard), data)
	d := f.open(t, Options{})
	var found error
	for _, err := range d.Samples(t.Context(), SampleQuery{Pictures: true}) {
		found = errors.Join(found, err)
	}
	if !errors.Is(found, ErrDamaged) || !strings.Contains(found.Error(), shard) {
		t.Errorf("error %v, want damage that names the file", found)
	}
}

// The chunks of an array need not have one encoding.
func TestEncodingsOfOneArray(t *testing.T) {
	f := newFixture(t)
	f.edit = func(rows []*schemas.Chunk) []*schemas.Chunk {
		for i, c := range rows {
			if c.Array == "raw" && c.Data != nil {
				encodeAs(t, c, []chunkcodec.Encoding{chunkcodec.Raw, chunkcodec.Zstd, chunkcodec.ShuffleZstd}[i%3])
			}
		}
		return rows
	}
	f.write(t, 64<<10)
	d := f.open(t, Options{VerifyDigest: true})
	v := f.volume("b", "raw")
	region := nd.Whole(v.shape(0))
	dst := make([]uint16, region.Elements())
	if _, err := ReadRegion(t.Context(), d, Query{Sample: "b", Array: "raw", Region: region}, dst); err != nil || !bytes.Equal(asBytes(dst), v.want(0, region)) {
		t.Errorf("chunks of different encodings: %v", err)
	}
}

// encodeAs encodes a chunk of uint16 anew.
func encodeAs(t *testing.T, c *schemas.Chunk, e chunkcodec.Encoding) {
	t.Helper()
	plain := make([]byte, int(c.SizeC)*int(c.SizeZ)*int(c.SizeY)*int(c.SizeX)*2)
	if err := chunkcodec.NewDecoder().Decode(plain, c.Data, chunkcodec.Encoding(c.Encoding), 2); err != nil {
		t.Fatal(err)
	}
	c.Encoding, c.Data = string(e), encode(t, e, plain, 2)
}
