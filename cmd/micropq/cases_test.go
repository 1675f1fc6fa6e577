package main

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// Random boxes through the pipe, from a server and through the Python reader are what numpy slices out of the
// source. $MICROPQ_CASES says how many.
func TestCasesInPython(t *testing.T) {
	python := oracle.Python(t)
	if testing.Short() {
		t.Skip("many processes: loaders/batch and loaders/arrowflight have cases of their own")
	}
	src := release(t, fisbegen.Options{Samples: 3, Shape: []int{3, 21, 40, 51}, Neurons: 4, Empty: 1, IDs: true, Seed: 9})
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", "--chunk", "16", "--levels", "3", src, dst)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asProgram, "1") // for the processes that Python starts
	const script = "../../python/tests/cases.py"
	n := os.Getenv("MICROPQ_CASES")
	t.Logf("%s", oracle.Run(t, python, script, "stream", self, dst, src, cmp.Or(n, "1000")))
	t.Logf("%s", oracle.Run(t, python, script, "flight", self, dst, src, cmp.Or(n, "1000")))
	t.Logf("%s", oracle.Run(t, python, script, "reader", dst, src, cmp.Or(n, "300")))
}
