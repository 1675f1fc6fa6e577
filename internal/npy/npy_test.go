package npy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

func TestHeaderSize(t *testing.T) {
	for _, shape := range [][]int{{}, {7}, {3, 0, 5}, {1, 2, 3, 4, 5}, {1234567, 1234567, 1234567}} {
		for _, d := range schemas.DTypes {
			h, err := Header(d, shape)
			if err != nil {
				t.Fatal(err)
			}
			if len(h)%align != 0 || int(h[8])|int(h[9])<<8 != len(h)-10 || h[len(h)-1] != '\n' {
				t.Errorf("%s %v: bad header of %d bytes: %q", d, shape, len(h), h)
			}
		}
	}
}

func TestHeaderRefuses(t *testing.T) {
	if _, err := Header("complex64", []int{1}); err == nil || !strings.Contains(err.Error(), "complex64") {
		t.Errorf("unknown dtype: %v", err)
	}
	if _, err := Header(schemas.Uint8, []int{2, -1}); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("negative extent: %v", err)
	}
	if _, err := Header(schemas.Uint8, make([]int, 30000)); err == nil || !strings.Contains(err.Error(), "axes") {
		t.Errorf("too many axes: %v", err)
	}
}

func TestNumpyLoads(t *testing.T) {
	python := oracle.Python(t)
	var paths []string
	var want strings.Builder
	for i, shape := range [][]int{{}, {3}, {2, 1}, {2, 3, 2}, {0, 4}} {
		for _, d := range schemas.DTypes {
			data := make([]byte, nd.Elements(shape)*d.Size())
			for k := range data {
				data[k] = byte(k % 2)
			}
			h, err := Header(d, shape)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), fmt.Sprintf("%d-%s.npy", i, d))
			if err := os.WriteFile(path, append(h, data...), 0o666); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
			fmt.Fprintf(&want, "%s %s True %x\n", d, tuple(shape), data)
		}
	}
	if got := string(oracle.Run(t, python, "testdata/describe.py", paths...)); got != want.String() {
		t.Errorf("numpy reads\n%s\nwant\n%s", got, want.String())
	}
}

// tuple writes a shape as Python does.
func tuple(shape []int) string {
	s := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	if len(shape) == 1 {
		s += ","
	}
	return "(" + s + ")"
}
