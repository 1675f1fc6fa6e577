package loaders

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/micropq/micropq/schemas"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// editManifest replaces what matches in the text of the manifest, the first time it does.
func editManifest(pattern, with string) func(*testing.T, *fixture) {
	return func(t *testing.T, f *fixture) {
		t.Helper()
		path, re := f.path(schemas.ManifestName), regexp.MustCompile(pattern)
		data := read(t, path)
		at := re.FindSubmatchIndex(data)
		if at == nil {
			t.Fatalf("nothing in the manifest matches %s", pattern)
		}
		edited := re.Expand(bytes.Clone(data[:at[0]]), []byte(with), data, at)
		write(t, path, append(edited, data[at[1]:]...))
	}
}

const aShard = "chunks/train-00001-of-00003.parquet"

// otherTable puts a shard of another table in the place of one, as the manifest says.
func otherTable(t *testing.T, f *fixture) {
	t.Helper()
	m, err := schemas.ParseManifest(read(t, f.path(schemas.ManifestName)))
	if err != nil {
		t.Fatal(err)
	}
	other := m.ShardsOf(schemas.InstancesTable, "train")[0]
	write(t, f.path(aShard), read(t, f.path(other.Path)))
	for i := range m.Shards {
		if m.Shards[i].Path == aShard {
			m.Shards[i].Bytes, m.Shards[i].Rows = other.Bytes, other.Rows
		}
	}
	f.commit(t, m)
}

// A manifest and its files that do not agree are not opened.
func TestOpenDamaged(t *testing.T) {
	tests := []struct {
		name   string
		damage func(*testing.T, *fixture)
		says   []string
	}{
		{"no manifest", func(t *testing.T, f *fixture) { remove(t, f.path(schemas.ManifestName)) }, []string{"this is no data set"}},
		{"unfinished", func(t *testing.T, f *fixture) {
			remove(t, f.path(schemas.ManifestName))
			if err := os.Mkdir(f.path(".micropq"), 0o777); err != nil {
				t.Fatal(err)
			}
			write(t, f.path(".micropq/plan"), nil)
		}, []string{"its conversion is not finished"}},
		{"no JSON", editManifest(`^\{`, "["), []string{"not JSON"}},
		{"rows edited", editManifest(`("rows": )(\d+)`, "${1}9$2"), []string{"rows, the manifest says"}},
		{"bytes edited", editManifest(`("bytes": )(\d+)`, "${1}9$2"), []string{"bytes, the manifest says"}},
		{"table edited", editManifest(`"table": "instances"`, `"table": "chunks"`), []string{"is said to be of table"}},
		{"climbs out", editManifest(`"path": "chunks/train-00001`, `"path": "../chunks/train-00001`), []string{"path"}},
		{"no such version", editManifest(`"version": "1.0"`, `"version": "0.9"`), []string{"0.9", "none that was ever released"}},
		{"shard missing", func(t *testing.T, f *fixture) { remove(t, f.path(aShard)) }, []string{aShard, "it is missing"}},
		{"shard cut off", func(t *testing.T, f *fixture) {
			if err := os.Truncate(f.path(aShard), 1000); err != nil {
				t.Fatal(err)
			}
		}, []string{aShard, "1000 bytes, the manifest says"}},
		{"no Parquet", func(t *testing.T, f *fixture) {
			write(t, f.path(aShard), bytes.Repeat([]byte{7}, len(read(t, f.path(aShard)))))
		}, []string{aShard, "a Parquet file in"}},
		{"shard of another table", otherTable, []string{aShard, "of table chunks is missing"}},
		{"two shards", func(t *testing.T, f *fixture) {
			remove(t, f.path(aShard))
			remove(t, f.path("samples/val-00000-of-00001.parquet"))
		}, []string{aShard, "samples/val-00000-of-00001.parquet"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			tt.damage(t, f)
			d, err := Open(t.Context(), f.dir, Options{})
			if err == nil {
				t.Fatal(errors.Join(errors.New("it opens"), d.Close()))
			}
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v is no damage", err)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

// A newer major version is not damage: it is for a newer program.
func TestNewerVersion(t *testing.T) {
	f := newFixture(t)
	editManifest(`"version": "1.0"`, `"version": "2.0"`)(t, f)
	_, err := Open(t.Context(), f.dir, Options{})
	var version *schemas.VersionError
	if !errors.As(err, &version) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "use a newer micropq") || !strings.Contains(err.Error(), f.dir) {
		t.Errorf("error %v", err)
	}
}

// A newer minor version is read.
func TestNewerMinorVersion(t *testing.T) {
	f := newFixture(t)
	editManifest(`"version": "1.0"`, `"version": "1.9", "later": true`)(t, f)
	if s, err := f.open(t, Options{}).Sample(t.Context(), "a"); err != nil || s.SampleID != "a" {
		t.Errorf("%v, %v", s, err)
	}
}
