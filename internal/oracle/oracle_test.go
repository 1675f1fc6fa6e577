package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// recorder stands in for the test that calls a helper and keeps how the helper ended it.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record runs f as a test of its own would run: a skip or a failure ends only f.
func record(t *testing.T, f func(testing.TB)) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestRunReturnsWhatTheScriptPrints(t *testing.T) {
	got := string(Run(t, Python(t), "testdata/echo.py", "a", "b c"))
	if strings.TrimSpace(got) != "a b c" {
		t.Errorf("got %q", got)
	}
}

func TestRunFailsWithTheScriptsError(t *testing.T) {
	python := Python(t)
	r := record(t, func(tb testing.TB) { Run(tb, python, "testdata/echo.py") })
	if !strings.Contains(r.failed, "nothing to say") {
		t.Errorf("the failure is %q, want the script's standard error in it", r.failed)
	}
}

func TestRunFailsWithoutTheScript(t *testing.T) {
	r := record(t, func(tb testing.TB) { Run(tb, "python", "testdata/absent.py") })
	if !strings.Contains(r.failed, "absent.py") {
		t.Errorf("the failure is %q, want the script's name in it", r.failed)
	}
}

func TestAbsentInterpreterSkips(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "python")
	for env, find := range map[string]func(testing.TB) string{EnvPython: Python, EnvPythonZarr2: PythonZarr2} {
		t.Setenv(env, absent)
		r := record(t, func(tb testing.TB) { find(tb) })
		if !strings.Contains(r.skipped, "make venv") || !strings.Contains(r.skipped, env) {
			t.Errorf("%s: skipped with %q, want the make target and the variable", env, r.skipped)
		}
	}
}

func TestSample(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(EnvSamples, dir)
	want := filepath.Join(dir, "fisbe", "a.zip")
	r := record(t, func(tb testing.TB) { Sample(tb, "fisbe/a.zip") })
	if !strings.Contains(r.skipped, EnvSamples) {
		t.Errorf("an absent sample skipped with %q", r.skipped)
	}
	if err := os.MkdirAll(filepath.Dir(want), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(want, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := Sample(t, "fisbe/a.zip"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRootHoldsTheModule(t *testing.T) {
	if _, err := os.Stat(filepath.Join(Root(t), "internal", "oracle", "oracle.go")); err != nil {
		t.Error(err)
	}
}
