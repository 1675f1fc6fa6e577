package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

const smallestSample = "VT032286-20160128_64_F1"

// What is read is what zarr-python reads from the source, in parts or at once.
func TestReadEqualsZarr(t *testing.T) {
	python := oracle.Python(t)
	dst := converted(t)
	for _, memory := range []string{"256MiB", "4KiB"} {
		dir := t.TempDir()
		for name, line := range map[string][]string{
			"whole.npy":  nil,
			"region.npy": {"--region", "1:3,4:20,:,-8:"},
			"region.raw": {"--region", "1:3,4:20,:,-8:"},
			"merged.npy": {"--array", "gt_instances", "--merged"},
			"masks.npy":  {"--array", "gt_instances", "--instances", "1,5", "--region", "0:20"},
		} {
			must(t, append([]string{"read", dst, "--sample", smallestSample, "-o", filepath.Join(dir, name), "--memory", memory}, line...)...)
		}
		oracle.Run(t, python, "testdata/check_read.py", smallest, smallestSample, dir)
	}
}

// Standard output gets the same bytes as a file, and nothing else.
func TestReadToStdout(t *testing.T) {
	dst := converted(t)
	file := filepath.Join(t.TempDir(), "out.bin")
	line := []string{"read", dst, "--sample", smallestSample, "--region", "0,3:5", "--format", "raw", "-o"}
	must(t, append(line, file)...)
	want, err := os.ReadFile(file)
	if err != nil || len(want) != 2*2*32*32 {
		t.Fatalf("%d bytes, %v", len(want), err)
	}
	if got := must(t, append(line, "-")...); got != string(want) {
		t.Errorf("%d bytes, want the %d of the file", len(got), len(want))
	}
	if got := must(t, append(line, "-", "--json")...); got != string(want) {
		t.Errorf("with --json: %d bytes, want the %d of the file", len(got), len(want))
	}
}

// A file that is there is replaced as a whole, with the mode of any new file, and is left
// alone by a read that fails.
func TestReadReplacesFile(t *testing.T) {
	dst, dir := converted(t), t.TempDir()
	file := filepath.Join(dir, "out.npy")
	if err := os.WriteFile(file, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := call(t, "read", dst, "--sample", smallestSample, "--array", "gt_instances", "--instances", "77", "-o", file); code != codeUsage {
		t.Errorf("exit code %d", code)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "mine" {
		t.Errorf("a read that failed left %q, %v", data, err)
	}
	must(t, "read", dst, "--sample", smallestSample, "-o", file)
	data, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(data, []byte("\x93NUMPY")) {
		t.Errorf("%.10q, %v", data, err)
	}
	plain := writeFile(t, "plain", nil)
	got, err1 := os.Stat(file)
	want, err2 := os.Stat(plain)
	if err := errors.Join(err1, err2); err != nil || got.Mode() != want.Mode() {
		t.Errorf("%v: mode %v, that of a new file is %v", err, got.Mode(), want.Mode())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: want the file alone", entries, err)
	}
}

// Interrupted before it began to write, read leaves nothing.
func TestReadInterrupted(t *testing.T) {
	dst, dir := converted(t), t.TempDir()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code := run(ctx, []string{"micropq", "read", dst, "--sample", smallestSample, "-o", filepath.Join(dir, "out.npy")}, &out, &errs)
	if code != codeInterrupted || errs.String() != "micropq: interrupted\n" {
		t.Errorf("exit code %d: %s", code, &errs)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v: want nothing", entries, err)
	}
}
