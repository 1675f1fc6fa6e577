package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// exampleManifest has two tables and two splits, unsorted.
func exampleManifest() *Manifest {
	shard := func(table, split string, i, n int, rows int64) Shard {
		return Shard{ShardPath(table, split, i, n), table, split, rows, 1000 + rows, strings.Repeat("0123456789abcdef", 4)}
	}
	return &Manifest{
		Name: "fisbe-crop",
		Source: Source{
			Name: "fisbe", Title: "FISBe: FlyLight Instance Segmentation <Benchmark>", Licence: "CC-BY-4.0",
			Citation: "Mais et al., CVPR 2024", DOI: "10.5281/zenodo.10875063", Location: "crop.zip",
		},
		Options: map[string]any{"levels": 2, "chunk": []int{64, 64, 64}, "arrays": []string{"raw", "gt_instances"}},
		Splits:  []string{"train", "test"},
		Shards: []Shard{
			shard(SamplesTable, "train", 0, 1, 2), shard(SamplesTable, "test", 0, 1, 1),
			shard(ChunksTable, "train", 1, 2, 30), shard(ChunksTable, "train", 0, 2, 40),
		},
	}
}

func encode(t *testing.T, m *Manifest) []byte {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestManifestRoundTrip(t *testing.T) {
	data := encode(t, exampleManifest())
	golden(t, "manifest.golden", data)
	m, err := ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, m); !bytes.Equal(data, again) {
		t.Errorf("a manifest read and encoded again differs:\n%s\nwant\n%s", again, data)
	}
	if m.Options["levels"] != json.Number("2") {
		t.Errorf("option levels is %#v, want the number as written", m.Options["levels"])
	}
	if got := m.ShardsOf(ChunksTable, "train"); len(got) != 2 || got[0].Rows != 40 {
		t.Errorf("ShardsOf(chunks, train) = %v, want two, the one of 40 rows first", got)
	}
	if got := len(m.ShardsOf(SamplesTable, "")); got != 2 {
		t.Errorf("%d shards of samples, want 2", got)
	}
	if rows, size := m.Rows(ChunksTable), m.Bytes(); rows != 70 || size != 4073 {
		t.Errorf("%d rows of chunks, %d bytes, want 70 and 4073", rows, size)
	}
}

func TestManifestOrderDoesNotMatter(t *testing.T) {
	m := exampleManifest()
	want := encode(t, m)
	m.Shards[0], m.Shards[3] = m.Shards[3], m.Shards[0]
	m.Splits[0], m.Splits[1] = m.Splits[1], m.Splits[0]
	first, firstSplit := m.Shards[0], m.Splits[0]
	if got := encode(t, m); !bytes.Equal(got, want) {
		t.Errorf("another order of shards and splits encodes otherwise:\n%s", got)
	}
	if m.Shards[0] != first || m.Splits[0] != firstSplit {
		t.Error("Encode reordered its manifest")
	}
}

func TestEmptyManifest(t *testing.T) {
	m := &Manifest{Name: "none", Source: Source{Name: "none"}}
	if _, err := ParseManifest(encode(t, m)); err != nil {
		t.Error(err)
	}
}

// A later minor version may add members anywhere.
func TestNewerMinorManifest(t *testing.T) {
	data := string(encode(t, exampleManifest()))
	data = strings.Replace(data, `"version": "1.1"`, `"version": "1.7", "new": [1]`, 1)
	data = strings.ReplaceAll(data, `"sha256"`, `"crc32": 5, "sha256"`)
	m, err := ParseManifest([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "1.7" || len(m.Shards) != 4 {
		t.Errorf("version %s with %d shards, want 1.7 with 4", m.Version, len(m.Shards))
	}
}

func TestManifestVersionRefused(t *testing.T) {
	data := strings.Replace(string(encode(t, exampleManifest())), `"version": "1.1"`, `"version": "2.0"`, 1)
	data = strings.Replace(data, `"rows"`, `"lines"`, 1) // of no interest: version 2 may be anything
	_, err := ParseManifest([]byte(data))
	var version *VersionError
	if !errors.As(err, &version) || version.Version != "2.0" || !version.Newer {
		t.Errorf("error %v, want a VersionError of 2.0", err)
	}
}

// Each edit breaks one rule; the error names the place.
var brokenManifests = map[string]struct{ old, new, want string }{
	"not JSON":           {`"name"`, `name`, "not JSON"},
	"no name":            {`"name": "fisbe-crop"`, `"nom": "x"`, "name"},
	"other format":       {`"format": "micropq"`, `"format": "parquet"`, "/format"},
	"no version":         {`"version": "1.1"`, `"version": 1`, "/version"},
	"path up":            {`chunks/train-00001`, `chunks/..train-00001`, "/shards/1/path"},
	"path out":           {`chunks/train-00001`, `/etc/train-00001`, "/shards/1/path"},
	"path deep":          {`chunks/train-00001`, `chunks/a/train-00001`, "/shards/1/path"},
	"negative rows":      {`"rows": 30`, `"rows": -30`, "/shards/1/rows"},
	"fraction of rows":   {`"rows": 30`, `"rows": 30.5`, "/shards/1/rows"},
	"too many rows":      {`"rows": 30`, `"rows": 9223372036854775808`, "/shards/1/rows"},
	"rows not a number":  {`"rows": 30`, `"rows": "30"`, "/shards/1/rows"},
	"short digest":       {`"sha256": "01`, `"sha256": "0`, "/shards/0/sha256"},
	"upper-case digest":  {`"sha256": "0123456789abcdef`, `"sha256": "0123456789ABCDEF`, "/shards/0/sha256"},
	"unknown table":      {`"table": "samples"`, `"table": "sample"`, "/shards/2/table"},
	"table of another":   {`"table": "samples"`, `"table": "chunks"`, "samples/test-00000-of-00001.parquet"},
	"split of another":   {`"split": "test"`, `"split": "train"`, "samples/test-00000-of-00001.parquet"},
	"bad split":          {`"split": "test"`, `"split": "te st"`, "/shards/2/split"},
	"split unlisted":     {"\"test\",\n", "", `"test" is not in splits`},
	"split twice":        {"\"test\",\n", `"test", "test",`, "listed twice"},
	"split unused":       {"\"test\",\n", `"test", "val",`, `"val" has no shard`},
	"shard twice":        {`train-00001-of-00002`, `train-00000-of-00002`, "listed twice"},
	"shard missing":      {`samples/test-00000-of-00001`, `samples/test-00000-of-00002`, "1 of the 2 of samples/test"},
	"shard past count":   {`train-00001-of-00002`, `train-00002-of-00002`, "not one of"},
	"counts differ":      {`train-00001-of-00002`, `train-00001-of-00003`, "counts 2"},
	"short index":        {`train-00001-of-00002`, `train-1-of-2`, "want a name such as"},
	"long index":         {`train-00001-of-00002`, `train-000001-of-00002`, "not one of"},
	"absolute location":  {`"location": "crop.zip"`, `"location": "/data/crop.zip"`, "/source/location"},
	"member in capitals": {`"location": "crop.zip"`, `"location": "crop.zip", "LOCATION": "/data"`, "/source/location"},
	"options a list":     {`"levels": 2`, `"levels": 2}, "options": [], "x": {`, "/options"},
}

func TestBrokenManifests(t *testing.T) {
	good := string(encode(t, exampleManifest()))
	for name, test := range brokenManifests {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(good, test.old, test.new, 1)
			if data == good {
				t.Fatalf("the manifest has no %q", test.old)
			}
			_, err := ParseManifest([]byte(data))
			var invalid *ManifestError
			if !errors.As(err, &invalid) {
				t.Fatalf("error %v, want a ManifestError", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
		})
	}
}

func TestManifestReportsEveryProblem(t *testing.T) {
	good := string(encode(t, exampleManifest()))
	for _, edits := range [][]string{
		{"negative rows", "short digest", "absolute location", "bad split"}, // of the schema
		{"split unused", "counts differ", "table of another"},               // beyond the schema
	} {
		data := good
		for _, name := range edits {
			data = strings.Replace(data, brokenManifests[name].old, brokenManifests[name].new, 1)
		}
		_, err := ParseManifest([]byte(data))
		for _, name := range edits {
			if want := brokenManifests[name].want; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %q", err, want)
			}
		}
	}
}

func TestEncodeRefusesBrokenManifest(t *testing.T) {
	m := exampleManifest()
	m.Shards = m.Shards[:3]
	_, err := m.Encode()
	var invalid *ManifestError
	if !errors.As(err, &invalid) {
		t.Errorf("error %v, want a ManifestError", err)
	}
	m.Options = map[string]any{"f": func() {}}
	if _, err = m.Encode(); !errors.As(err, &invalid) {
		t.Errorf("error %v, want a ManifestError", err)
	}
}

// FuzzParseManifest: never a panic, and what is accepted survives encoding.
func FuzzParseManifest(f *testing.F) {
	data, err := os.ReadFile("testdata/manifest.golden")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, test := range brokenManifests {
		f.Add([]byte(strings.Replace(string(data), test.old, test.new, 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			var invalid *ManifestError
			var version *VersionError
			if !errors.As(err, &invalid) && !errors.As(err, &version) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		first, err := m.Encode()
		if err != nil {
			t.Fatalf("accepted, but does not encode: %v", err)
		}
		again, err := ParseManifest(first)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := again.Encode(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("encodes to\n%s\nthen to\n%s (%v)", first, second, err)
		}
	})
}
