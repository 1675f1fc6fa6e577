package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

func TestRunListsTheSamples(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "release")
	var out bytes.Buffer
	args := strings.Fields("fisbe -o " + dir + " -samples 2 -shape 3,4,8,8 -neurons 2 -subset completely,partly -seed 3")
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(out.String())
	if len(lines) != 4 {
		t.Fatalf("got %q, want 4 samples", lines)
	}
	for _, line := range lines {
		if _, err := os.Stat(filepath.Join(dir, line, "volumes", "raw", ".zarray")); err != nil {
			t.Error(err)
		}
	}
}

// The command in PROVENANCE.md gives the options back.
func TestCommandRoundTrip(t *testing.T) {
	want := fisbegen.Options{
		Samples: 3, Subsets: []string{"partly", "completely"}, Shape: []int{2, 5, 6, 7}, Neurons: 2, Empty: 1, IDs: true, LabelType: "<i2",
		Chunks: []int{1, 2, 3, 4}, Compressor: "blosc:zstd:bitshuffle", Absent: true, Zip: true, Defect: "negative-label", Seed: 1 << 63,
	}
	command := strings.ReplaceAll(want.Command(), "'", "")
	args, ok := strings.CutPrefix(command, "go run ./testdata/gen fisbe ")
	if !ok {
		t.Fatalf("the command is %q", command)
	}
	dir, got, err := parseFISBe(strings.Fields(args))
	if err != nil || dir != "DIR" || !reflect.DeepEqual(got, want) {
		t.Errorf("%q gives %s %+v, %v", args, dir, got, err)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, line := range []string{
		"", "zebra", "fisbe", "fisbe -o d stray", "fisbe -o d -samples 0", "fisbe -o d -neurons 0", "fisbe -o d -labels some",
		"fisbe -o d -shape 3,x,4,5", "fisbe -o d -seed -1", "fisbe -o d -dtype f4",
	} {
		if err := run(t.Context(), strings.Fields(line), &bytes.Buffer{}); err == nil {
			t.Errorf("%q is accepted", line)
		}
	}
}
