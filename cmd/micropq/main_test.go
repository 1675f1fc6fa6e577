package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// asProgram makes the test binary behave as micropq: tests that kill it need a process.
const asProgram = "MICROPQ_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is micropq with args as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// call runs a command line in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"micropq"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

// must is call for a command line that must succeed.
func must(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	code, stdout, stderr := call(t, args...)
	if code != codeDone {
		t.Fatalf("micropq %q: exit code %d\n%s", args, code, stderr)
	}
	return stdout
}
