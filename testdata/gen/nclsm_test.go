package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/micropq/micropq/testdata/gen/nclsmgen"
)

func TestRunListsTheSections(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "release")
	var out bytes.Buffer
	if err := run(t.Context(), strings.Fields("nclsm -o "+dir+" -sections 2 -size 16,24 -cell 8 -technique IMC"), &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "IMC C03\nIMC C03-2\n"; got != want {
		t.Errorf("it lists %q, want %q", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "IMC", "Mask_QA", "C03-2.tiff")); err != nil {
		t.Error(err)
	}
}

// The command in PROVENANCE.md gives the options back.
func TestNCLSMCommandRoundTrip(t *testing.T) {
	want := nclsmgen.Options{Sections: 3, Techniques: []string{"IF"}, Height: 40, Width: 50, Cell: 9, Zip: true, Defect: "blue", Seed: 1 << 63}
	args, ok := strings.CutPrefix(want.Command(), "go run ./testdata/gen nclsm ")
	if !ok {
		t.Fatalf("the command is %q", want.Command())
	}
	dir, got, err := parseNCLSM(strings.Fields(args))
	if err != nil || dir != "DIR" || !reflect.DeepEqual(got, want) {
		t.Errorf("%q gives %s %+v, %v", args, dir, got, err)
	}
}

func TestNCLSMUsageErrors(t *testing.T) {
	for _, line := range []string{"nclsm", "nclsm -o d stray", "nclsm -o d -size 3", "nclsm -o d -size 3,x", "nclsm -o d -cell 1", "nclsm -o d -defect none"} {
		if err := run(t.Context(), strings.Fields(line), &bytes.Buffer{}); err == nil {
			t.Errorf("%q is accepted", line)
		}
	}
}
