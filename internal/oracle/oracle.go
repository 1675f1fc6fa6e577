// Package oracle lets a test compare micropq with an independent implementation.
//
// An oracle is a program that computes the same answer with no code of ours: here a Python
// script that uses zarr-python, pyarrow or another established library. A script lies in
// the testdata folder of the package that runs it, takes its input from its arguments and
// writes its answer to standard output. A sample is a file of a real data set, kept beside
// the repository and never in it.
//
// The interpreters come from `make venv`. A machine without them, or without the samples,
// skips the comparison and says so; a script that fails is a failed test.
package oracle

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// The environment variables that override where interpreters and samples are looked for.
const (
	EnvPython      = "MICROPQ_PYTHON"
	EnvPythonZarr2 = "MICROPQ_PYTHON_ZARR2"
	EnvSamples     = "MICROPQ_SAMPLES"
)

// Python is the path of a Python interpreter with zarr-python 3, pyarrow and the other
// packages of testdata/requirements.txt: $MICROPQ_PYTHON, else .venv of the repository.
// The test is skipped where there is none.
func Python(t testing.TB) string {
	t.Helper()
	return interpreter(t, EnvPython, ".venv")
}

// PythonZarr2 is the path of a Python interpreter with zarr-python 2, as pinned in
// testdata/requirements-zarr2.txt: $MICROPQ_PYTHON_ZARR2, else .venv-zarr2 of the
// repository. The test is skipped where there is none.
func PythonZarr2(t testing.TB) string {
	t.Helper()
	return interpreter(t, EnvPythonZarr2, ".venv-zarr2")
}

// Run runs the Python script at a path relative to the test's package directory and
// returns what it wrote to standard output. The test fails, with the script's standard
// error, when the script does.
func Run(t testing.TB, python, script string, args ...string) []byte {
	t.Helper()
	// The go tool caches a result until a file that the test looked at changes; it cannot see
	// what Python opens.
	if _, err := os.Stat(script); err != nil {
		t.Fatalf("oracle: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{script}, args...)...)
	// Without this, a script that imports a neighbour leaves a __pycache__ in testdata.
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("oracle %s: %v\n%s", script, err, stderr.Bytes())
	}
	return stdout.Bytes()
}

// Sample is the path of a file or folder of the real sample data, named relative to
// $MICROPQ_SAMPLES, else to ../shared/samples beside the repository. The test is skipped
// where the sample does not exist.
func Sample(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv(EnvSamples)
	if dir == "" {
		dir = filepath.Join(Root(t), "..", "shared", "samples")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no sample %s: %v (set %s to the folder of samples)", name, err, EnvSamples)
	}
	return path
}

// Root is the absolute path of the repository: the folder of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var findRoot = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("oracle: no go.mod above the test's directory")
		}
		dir = parent
	}
})

func interpreter(t testing.TB, env, venv string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		path = filepath.Join(Root(t), venv, "bin", "python")
		if runtime.GOOS == "windows" {
			path = filepath.Join(Root(t), venv, "Scripts", "python.exe")
		}
	}
	if _, err := exec.LookPath(path); err != nil {
		t.Skipf("no independent implementation to compare with: %v (run `make venv`, or set %s)", err, env)
	}
	return path
}
