package shardfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// payloadAt is where the first byte of a payload lies in a shard, and its row.
func payloadAt(t testing.TB, b []byte, rows []row) (at, row int) {
	t.Helper()
	for i := range rows {
		if len(rows[i].Data) > 100 {
			if at := bytes.Index(b, rows[i].Data); at > 0 {
				return at, i
			}
		}
	}
	t.Fatal("no payload in the shard")
	return 0, 0
}

func TestFlippedPayload(t *testing.T) {
	rows := randomRows(12, 50, 3000)
	path, _ := writeShard(t, rows, options)
	b := readFile(t, path)
	at, damaged := payloadAt(t, b, rows)
	b[at] ^= 1
	r := openBytes(t, b)
	var buf Buffer
	for i := range rows {
		_, _, err := r.Payload(t.Context(), int64(i), "data", &buf)
		if rows[i].Data != nil && i != damaged && err != nil || i == damaged && err == nil {
			t.Errorf("row %d: %v", i, err)
		}
	}
	_, _, err := r.Payload(t.Context(), int64(damaged), "data", &buf)
	var page *PageError
	if !errors.Is(err, ErrChecksum) || !errors.As(err, &page) {
		t.Fatalf("error %v, want a checksum mismatch", err)
	}
	if page.File != "shard.parquet" || page.Column != "data" || page.Row != int64(damaged) ||
		page.Offset > int64(at) || page.Offset < int64(at-100) {
		t.Errorf("%+v, want row %d, a page before byte %d", page, damaged, at)
	}
}

// Whatever byte is changed, rows either read as they were or fail, but for what no checksum
// covers: the footer and the index.
func TestFlippedBytes(t *testing.T) {
	rows := randomRows(14, 12, 40)
	path, _ := writeShard(t, rows, options)
	clean := readFile(t, path)
	end := len(clean) - trailerSize - int(binary.LittleEndian.Uint32(clean[len(clean)-trailerSize:]))
	first := openBytes(t, clean).chunk(chunkKey{0, 0}).ColumnIndexOffset
	step := 1
	if testing.Short() {
		step = 7
	}
	for at := magicSize; at < end; at += step {
		b := bytes.Clone(clean)
		b[at] ^= 0x10
		r := openBytes(t, b)
		var buf Buffer
		for i := range rows {
			data, null, err := r.Payload(t.Context(), int64(i), "data", &buf)
			if err == nil && int64(at) < first && (null != (rows[i].Data == nil) || !bytes.Equal(data, rows[i].Data)) {
				t.Errorf("byte %d changed: row %d reads as other bytes", at, i)
			}
		}
		if z, err := ReadColumn[int32](r, 0, "z", nil); err == nil && len(z) != len(rows) {
			t.Errorf("byte %d changed: %d rows of z", at, len(z))
		}
	}
}

func TestOpenErrors(t *testing.T) {
	path, _ := writeShard(t, randomRows(1, 10, 100), options)
	b := readFile(t, path)
	hugeFooter := bytes.Clone(b)
	binary.LittleEndian.PutUint32(hugeFooter[len(b)-trailerSize:], 1<<32-1)
	hugeList := append([]byte("PAR1\x29\xfc\xff\xff\xff\xff\x07"), 6, 0, 0, 0, 'P', 'A', 'R', '1')
	tests := map[string][]byte{
		"empty":       {},
		"short":       []byte("PAR1PAR1"),
		"text":        bytes.Repeat([]byte("text"), 100),
		"truncated":   b[:len(b)-5],
		"only magics": []byte("PAR1\x00\x00\x00\x00PAR1"),
		"huge footer": hugeFooter,
		"huge list":   hugeList,
	}
	for name, b := range tests {
		if _, err := Open(bytes.NewReader(b), int64(len(b)), "shard.parquet"); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := Open(bytes.NewReader(b), int64(len(b))+100, "shard.parquet"); err == nil {
		t.Error("a file shorter than said was opened")
	}
}

func TestPayloadArguments(t *testing.T) {
	path, _ := writeShard(t, randomRows(1, 10, 100), options)
	r := openBytes(t, readFile(t, path))
	var buf Buffer
	for _, row := range []int64{-1, 10} {
		if _, _, err := r.Payload(t.Context(), row, "data", &buf); err == nil {
			t.Errorf("row %d was read", row)
		}
	}
	for _, column := range []string{"", "z", "ids.list.element", "image"} {
		if _, _, err := r.Payload(t.Context(), 0, column, &buf); err == nil {
			t.Errorf("column %q was read", column)
		}
	}
}

func TestConcurrentReads(t *testing.T) {
	o := options
	o.RowGroupBytes = 50 << 10
	rows := randomRows(15, 200, 3000)
	path, _ := writeShard(t, rows, o)
	r := openBytes(t, readFile(t, path))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { checkPayloads(t, r, rows) })
	}
	wg.Wait()
}

// One read finds the footer, one the index of a row group, and one each payload.
func TestReads(t *testing.T) {
	rows := payloadRows(20, 5000)
	path, _ := writeShard(t, rows, options)
	b := readFile(t, path)
	reads := &counter{Reader: bytes.NewReader(b)}
	r, err := Open(reads, int64(len(b)), "shard.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if reads.n != 1 {
		t.Errorf("Open took %d reads", reads.n)
	}
	var buf Buffer
	for i := range rows {
		if _, _, err := r.Payload(t.Context(), int64(i), "data", &buf); err != nil {
			t.Fatal(err)
		}
	}
	if reads.n != 2+len(rows) {
		t.Errorf("%d reads for %d payloads", reads.n, len(rows))
	}
	if payloads := int64(len(rows) * 5000); buf.Read < payloads || buf.Read > payloads*102/100 {
		t.Errorf("%d bytes read for %d of payloads", buf.Read, payloads)
	}
}

// A row of a large shard takes the footer, one OffsetIndex and the row's page: neither the
// row group nor the pages before it.
func TestOneRowOnly(t *testing.T) {
	const n, size = 2000, 2000
	o := options
	o.RowGroupBytes = 2 << 20
	path, _ := writeShard(t, payloadRows(n, size), o)
	b := readFile(t, path)
	reads := &counter{Reader: bytes.NewReader(b)}
	r, err := Open(reads, int64(len(b)), "shard.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.RowGroups()) != 2 {
		t.Fatalf("%d row groups", len(r.RowGroups()))
	}
	if reads.bytes > tailSize {
		t.Errorf("Open read %d bytes", reads.bytes)
	}
	const entry = 16 // of the OffsetIndex
	opened, index := reads.bytes, int64(r.RowGroups()[1].NumRows()*entry)
	var buf Buffer
	if _, _, err := r.Payload(t.Context(), n-1, "data", &buf); err != nil {
		t.Fatal(err)
	}
	if took := reads.bytes - opened; took > index+size+100 || took != buf.Read {
		t.Errorf("a row of %d bytes took %d, %d by its own account; the index has at most %d", size, took, buf.Read, index)
	}
	opened = reads.bytes
	if _, _, err := r.Payload(t.Context(), n-100, "data", &buf); err != nil {
		t.Fatal(err)
	}
	if took := reads.bytes - opened; took > size+100 {
		t.Errorf("a further row of %d bytes took %d", size, took)
	}
}

// counter counts reads and their bytes.
type counter struct {
	*bytes.Reader
	n     int
	bytes int64
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.n++
	c.bytes += int64(n)
	return n, err
}

// A disk that fills up is an error with the path, and no file remains. /dev/full is always
// full.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full on this system")
	}
	path := filepath.Join(t.TempDir(), "shard.parquet")
	w, err := Create(path, rowSchema, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.out.file.Close(); err != nil {
		t.Fatal(err)
	}
	w.out.file = full
	if err := WriteRows(w, randomRows(1, 10, 1000)...); err != nil {
		t.Fatal(err)
	}
	_, err = w.Finish()
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(path)) {
		t.Errorf("error %v, want one with the path", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the file remains")
	}
}
