package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/loaders/batch"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// streamed converts the committed sample.
func streamed(t *testing.T) string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", "--chunk", "16", "../../testdata/fisbe", dst)
	return dst
}

// sampleColumn reads a stream to its end: the column sample_id and the last state.
func sampleColumn(t *testing.T, r io.Reader) (samples []string, state string) {
	t.Helper()
	stream, err := ipc.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Release()
	column := func(name string) *array.String {
		return stream.RecordBatch().Column(stream.Schema().FieldIndices(name)[0]).(*array.String)
	}
	for stream.Next() {
		for i := range int(stream.RecordBatch().NumRows()) {
			samples = append(samples, strings.Clone(column("sample_id").Value(i)))
			state = strings.Clone(column("state").Value(i))
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return samples, state
}

func TestStreamResumes(t *testing.T) {
	dst := streamed(t)
	cropsOf := func(more ...string) string {
		return must(t, append([]string{"stream", dst, "--size", "8,8,8", "--batch", "2", "--count", "12", "--seed", "4"}, more...)...)
	}
	want, end := sampleColumn(t, strings.NewReader(cropsOf()))
	if len(want) != 12 || !strings.Contains(end, `"epoch":1,"position":0`) {
		t.Fatalf("%d items, state %s", len(want), end)
	}
	// Two steps of two ranks, then one rank alone.
	state := filepath.Join(t.TempDir(), "state.json")
	first, saved := sampleColumn(t, strings.NewReader(cropsOf("--world", "2", "--rank", "0")))
	if len(first) != 6 {
		t.Errorf("rank 0 of 2 has %d items", len(first))
	}
	saved = strings.Replace(saved, `"epoch":1,"position":0`, `"epoch":0,"position":8`, 1)
	if err := os.WriteFile(state, []byte(saved), 0o666); err != nil {
		t.Fatal(err)
	}
	rest, _ := sampleColumn(t, strings.NewReader(cropsOf("--state", state)))
	if strings.Join(rest, " ") != strings.Join(want[8:], " ") {
		t.Errorf("after 8 items: %v, want %v", rest, want[8:])
	}
	code, _, stderr := call(t, "stream", dst, "--size", "8,8,9", "--seed", "4", "--state", state)
	if code != codeUsage || !strings.Contains(stderr, "other options") {
		t.Errorf("a state of another order: exit code %d: %s", code, stderr)
	}
}

func TestStreamUsage(t *testing.T) {
	dst := streamed(t)
	for want, args := range map[string][]string{
		"DST":                   {"stream"},
		"size []":               {"stream", dst, "--seed", "1"},
		"needs a seed":          {"stream", dst, "--size", "8,8,8"},
		"on-error":              {"stream", dst, "--size", "8,8,8", "--seed", "1", "--on-error", "cry"},
		"1 times --weight":      {"stream", dst, dst, "--size", "8,8,8", "--seed", "1", "--weight", "1"},
		"want unix:PATH or tcp": {"stream", dst, "--size", "8,8,8", "--seed", "1", "--listen", "carrier:pigeon"},
	} {
		if code, _, stderr := call(t, args...); code != codeUsage || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}

// The flags that say what to draw and the fields of options in JSON have the same names.
func TestStreamFlagsAreOptions(t *testing.T) {
	var flags, fields []string
	for _, f := range samplingFlags() {
		if name := f.Names()[0]; name != "weight" { // which is of the list of data sets
			flags = append(flags, name)
		}
	}
	for _, s := range []any{batch.Options{}, batch.ItemOptions{}, batch.Transform{}, draw.Shuffle{}, draw.Partition{}} {
		for f := range reflect.TypeOf(s).Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				fields = append(fields, name)
			}
		}
	}
	slices.Sort(flags)
	slices.Sort(fields)
	if !slices.Equal(flags, fields) {
		t.Errorf("flags  %v\nfields %v", flags, fields)
	}
}

// A damaged chunk fails the stream by name, or is left out and named.
func TestStreamDamaged(t *testing.T) {
	dst := streamed(t)
	shards, err := filepath.Glob(filepath.Join(dst, "chunks", "train-*.parquet"))
	if err != nil || len(shards) != 1 {
		t.Fatal(shards, err)
	}
	data, err := os.ReadFile(shards[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(shards[0], data, 0o666); err != nil {
		t.Fatal(err)
	}
	tiles := []string{"stream", dst, "--kind", "tiles", "--size", "16,16,16", "--array", "raw", "--array", "gt_instances"}
	code, _, stderr := call(t, tiles...)
	if code != codeDamaged || !strings.Contains(stderr, "chunks/train-") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, stdout, stderr := call(t, append(tiles, "--on-error", "skip")...)
	skipped := strings.Count(stderr, "skipped the box at")
	if code != codeDone || skipped == 0 {
		t.Errorf("with skip: exit code %d: %s", code, stderr)
	}
	if samples, _ := sampleColumn(t, strings.NewReader(stdout)); len(samples) != 16-skipped {
		t.Errorf("%d items of 16, of which %d were skipped", len(samples), skipped)
	}
}

// Everyone who connects gets the whole stream; one that goes away disturbs no other; SIGTERM
// ends the program.
func TestStreamListens(t *testing.T) {
	dst := streamed(t)
	socket := filepath.Join(t.TempDir(), "s")
	cmd := program(t, "stream", dst, "--size", "8,8,8", "--count", "500", "--seed", "4", "--listen", "unix:"+socket)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dial := func() net.Conn {
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			conn, err := net.Dial("unix", socket)
			if err == nil {
				return conn
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	fickle, steady := dial(), dial()
	if _, err := io.ReadFull(fickle, make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	if err := fickle.Close(); err != nil {
		t.Fatal(err)
	}
	if samples, _ := sampleColumn(t, steady); len(samples) != 500 {
		t.Errorf("%d items of 500", len(samples))
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != codeInterrupted {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}

// A reader that has enough ends the program, which is no failure.
func TestStreamIntoClosedPipe(t *testing.T) {
	cmd := program(t, "stream", streamed(t), "--size", "8,8,8", "--epochs", "-1", "--seed", "4")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("it still writes")
		_ = cmd.Process.Kill()
	}
}

// The Python client sees through the pipe, and its own reader of the format sees on disk, what
// zarr-python sees in the source.
func TestPythonClient(t *testing.T) {
	python := oracle.Python(t)
	src := release(t, fisbegen.Options{Samples: 2, Shape: []int{3, 20, 33, 40}, Neurons: 3, IDs: true, Seed: 8})
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", "--chunk", "16", src, dst)
	t.Logf("%s", pythonClient(t, python, "check.py", dst, src))
}

// pythonClient runs a test of the Python client with this test as the program.
func pythonClient(t *testing.T, python, script string, args ...string) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("many processes, each of which starts slowly under the race detector: the packages below are tested with it")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asProgram, "1") // for the processes that Python starts
	return oracle.Run(t, python, "../../python/tests/"+script, append([]string{self}, args...)...)
}

// Whole items are those of the source, and the example that evaluates a model on them scores as it should.
func TestPythonItems(t *testing.T) {
	python := oracle.Python(t)
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "ubench", "../../testdata/ubench", dst)
	t.Logf("%s", pythonClient(t, python, "check_items.py", dst, "../../testdata/ubench"))
}

// PyTorch's DataLoader, where the interpreter that MICROPQ_PYTHON_TORCH names has torch and pyarrow.
func TestPythonTorch(t *testing.T) {
	python := os.Getenv("MICROPQ_PYTHON_TORCH")
	if python == "" {
		t.Skip("MICROPQ_PYTHON_TORCH names no interpreter with torch")
	}
	dir := t.TempDir()
	volumes, items := filepath.Join(dir, "volumes"), filepath.Join(dir, "items")
	must(t, "convert", "fisbe", "--chunk", "16", "../../testdata/fisbe", volumes)
	must(t, "convert", "ubench", "../../testdata/ubench", items)
	t.Logf("%s", pythonClient(t, python, "check_torch.py", volumes, items))
}
