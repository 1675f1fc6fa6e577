package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// However a sample is encoded, v3 in shards or v2 with filters, its rows are the same; from a
// folder and over HTTP.
func TestConvertSameWhateverEncoding(t *testing.T) {
	dir := release(t, fisbegen.Options{Samples: 1, Shape: []int{3, 20, 40, 50}, Neurons: 3, IDs: true, Seed: 5})
	samples, err := filepath.Glob(filepath.Join(dir, "completely", "*", "*.zarr"))
	if err != nil || len(samples) != 1 {
		t.Fatalf("samples %v, %v", samples, err)
	}
	other := t.TempDir()
	oracle.Run(t, oracle.Python(t), "testdata/reencode_fisbe.py", samples[0], other)
	server := httptest.NewServer(http.FileServer(http.Dir(other)))
	defer server.Close()
	name, err := filepath.Rel(dir, samples[0])
	if err != nil {
		t.Fatal(err)
	}
	want := convertedRows(t, samples[0])
	for _, encoding := range []string{"sharded", "consolidated", "filtered"} {
		sources := []string{filepath.Join(other, encoding, name), server.URL + "/" + encoding + "/" + filepath.ToSlash(name)}
		if encoding == "consolidated" { // names its samples without being listed
			sources = append(sources, server.URL+"/"+encoding)
		}
		for _, src := range sources {
			t.Run(encoding, func(t *testing.T) { sameTree(t, convertedRows(t, src), want) })
		}
	}
}
