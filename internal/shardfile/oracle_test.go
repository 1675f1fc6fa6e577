package shardfile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

// Other programs read what is written.
func TestOthersRead(t *testing.T) {
	python := oracle.Python(t)
	rows := randomRows(11, 400, 3000)
	o := options
	o.RowGroupBytes = 100 << 10
	path, _ := writeShard(t, rows, o)
	var want strings.Builder
	for i := range rows {
		want.WriteString(describe(&rows[i]) + "\n")
	}
	for _, reader := range []string{"pyarrow", "polars", "duckdb"} {
		t.Run(reader, func(t *testing.T) {
			got := string(oracle.Run(t, python, "testdata/read_shard.py", path, reader))
			if got != want.String() {
				t.Errorf("got\n%.600s\nwant\n%.600s", got, want.String())
			}
		})
	}
}

// describe writes a row as read_shard.py does.
func describe(r *row) string {
	mean, bytes, file := "null", "null", "null"
	if r.Mean != nil {
		mean = pythonHex(*r.Mean)
	}
	if r.Image != nil {
		bytes, file = digest(r.Image.Bytes), r.Image.Path
	}
	labels := strings.Join(strings.Fields(fmt.Sprint(r.Labels)), ", ")
	return fmt.Sprintf("%s %d %d %s %s %s %s %s", r.Sample, r.Z, r.Digest, mean, labels, digest(r.Data), bytes, file)
}

// pythonHex is float.hex of a number below 1.
func pythonHex(f float64) string {
	exact := big.NewFloat(f)
	exponent := exact.MantExp(exact) - 1
	mantissa, _ := exact.SetMantExp(exact, 53).Int64()
	return fmt.Sprintf("0x1.%013xp%+d", mantissa&(1<<52-1), exponent)
}

func digest(b []byte) string {
	if b == nil {
		return "null"
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%d:%s", len(b), hex.EncodeToString(sum[:]))
}

// Other programs notice a damaged payload: the CRCs are what they expect.
func TestOthersVerify(t *testing.T) {
	python := oracle.Python(t)
	rows := randomRows(12, 20, 3000)
	path, _ := writeShard(t, rows, options)
	if got := string(oracle.Run(t, python, "testdata/flipped.py", path)); got != "accepted\n" {
		t.Fatalf("undamaged: %s", got)
	}
	b := readFile(t, path)
	at, _ := payloadAt(t, b, rows)
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := string(oracle.Run(t, python, "testdata/flipped.py", path)); !strings.HasPrefix(got, "refused") {
		t.Errorf("a flipped bit was %s", got)
	}
}

// By pyarrow's metadata and by its page headers a shard has row groups cut by bytes, and
// payload pages of one payload each, uncompressed, with CRCs, without statistics.
func TestLayout(t *testing.T) {
	python := oracle.Python(t)
	const limit, size = 100 << 10, 3000
	rows := randomRows(16, 500, size)
	o := options
	o.RowGroupBytes = limit
	path, _ := writeShard(t, rows, o)
	lines := strings.Fields(strings.ReplaceAll(string(oracle.Run(t, python, "testdata/layout.py", path, "data")), " ", ","))
	payloads, total := 0, int64(0)
	for i := range rows {
		if rows[i].Data != nil {
			payloads++
		}
	}
	for i, line := range lines {
		var n, bytes, pages, most int64
		if _, err := fmt.Sscanf(line, "%d,%d,%d,%d", &n, &bytes, &pages, &most); err != nil {
			t.Fatal(err)
		}
		total += n
		payloads -= int(pages)
		if most != 1 {
			t.Errorf("row group %d: %d payloads in a page", i, most)
		}
		if last := i == len(lines)-1; bytes > limit+2*size || !last && bytes < limit/2 {
			t.Errorf("row group %d: %d bytes of payloads, the limit of all columns is %d", i, bytes, limit)
		}
	}
	// A row group that ends in nulls has a page of them.
	if payloads > 0 || payloads < -len(lines) {
		t.Errorf("%d payloads more than pages", payloads)
	}
	if total != int64(len(rows)) || len(lines) < 5 {
		t.Errorf("%d rows in %d row groups, want %d in several", total, len(lines), len(rows))
	}
}

// Shards that another program rewrote are read.
func TestRewritten(t *testing.T) {
	python := oracle.Python(t)
	rows := randomRows(13, 300, 2000)
	path, _ := writeShard(t, rows, options)
	tests := []struct{ name, options string }{
		{"dictionary and snappy", `{"compression": "snappy", "use_dictionary": true}`},
		{"plain without index", `{"compression": "none", "use_dictionary": false, "data_page_size": 4000, "write_batch_size": 4}`},
		{"plain with index", `{"compression": "none", "use_dictionary": false, "write_page_index": true, "data_page_size": 4000, "write_batch_size": 4}`},
		{"checksums", `{"compression": "none", "use_dictionary": false, "write_page_checksum": true}`},
		{"version 2, zstd, index", `{"compression": "zstd", "data_page_version": "2.0", "write_page_index": true, "data_page_size": 4000, "write_batch_size": 4}`},
		{"dictionary, index", `{"compression": "zstd", "use_dictionary": true, "write_page_index": true, "data_page_size": 400, "write_batch_size": 4}`},
		{"delta", `{"compression": "none", "use_dictionary": false, "column_encoding": {"data": "DELTA_LENGTH_BYTE_ARRAY"}}`},
		{"gzip, small groups", `{"compression": "gzip", "row_group_size": 7}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.parquet")
			oracle.Run(t, python, "testdata/rewrite.py", path, out, test.options)
			r := openBytes(t, readFile(t, out))
			checkPayloads(t, r, rows)
			checkColumns(t, r, rows)
		})
	}
}
