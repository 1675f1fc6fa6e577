package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// troubled serves a folder. Each answer takes a while, and of requests for ranges some fail: with
// an error of the server, a broken connection, or a body that ends early.
type troubled struct {
	files    http.Handler
	latency  time.Duration
	failing  int64 // one range request in so many; 0 for none
	asked    atomic.Int64
	failed   atomic.Int64
	stops    atomic.Bool  // hangs from now on
	replaced atomic.Int64 // from so many range requests on shards are others; 0 for never
}

func (s *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(s.latency)
	if s.stops.Load() {
		<-r.Context().Done()
		return
	}
	n := int64(0)
	if r.Header.Get("Range") != "" {
		n = s.asked.Add(1)
	}
	if at := s.replaced.Load(); at > 0 && n >= at {
		w.Header().Set("ETag", `"another"`)
	} else {
		w.Header().Set("ETag", `"one"`)
	}
	if s.failing > 0 && n > 0 && n%s.failing == 0 {
		switch s.failed.Add(1) % 3 {
		case 0:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case 1:
			panic(http.ErrAbortHandler)
		default:
			s.files.ServeHTTP(&cutShort{ResponseWriter: w}, r)
		}
		return
	}
	s.files.ServeHTTP(w, r)
}

// cutShort drops the connection in the middle of a body.
type cutShort struct {
	http.ResponseWriter
	n int
}

func (w *cutShort) Write(p []byte) (int, error) {
	if w.n += len(p); w.n > 100 {
		_, _ = w.ResponseWriter.Write(p[:len(p)/2])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(p)
}

func serveTroubled(t *testing.T, dir string, latency time.Duration, failing int64) (*troubled, string) {
	t.Helper()
	s := &troubled{files: http.FileServer(http.Dir(dir)), latency: latency, failing: failing}
	server := httptest.NewServer(s)
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	return s, server.URL + "/"
}

// smallShards converts a release to many small shards, so that there are many requests.
func smallShards(t *testing.T) string {
	t.Helper()
	src := release(t, fisbegen.Options{Samples: 4, Shape: []int{3, 64, 96, 96}, Neurons: 3, IDs: true, Seed: 8})
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", "--chunk", "16", "--shard-size", "384KiB", src, dst)
	return dst
}

var tilesOfAll = []string{"--kind", "tiles", "--size", "40,48,56", "--overlap", "3,0,4", "--array", "raw", "--array", "gt_instances", "--shuffle", "buffered", "--seed", "3", "--batch", "2"}

// A server with latency of which one range request in twenty fails gives what the folder gives.
func TestStreamFromTroubledServer(t *testing.T) {
	dst := smallShards(t)
	want := must(t, append([]string{"stream", dst}, tilesOfAll...)...)
	s, url := serveTroubled(t, dst, 2*time.Millisecond, 20)
	cmd := program(t, append([]string{"stream", url, "--memory", "80MiB"}, tilesOfAll...)...)
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("%d bytes over HTTP, %d from the folder, or others", len(got), len(want))
	}
	if s.failed.Load() < 3 {
		t.Errorf("%d of %d range requests failed: too few to tell", s.failed.Load(), s.asked.Load())
	}
}

// A shard that was cut off, or replaced while it was read, is named, and the stream has no end
// mark; what was streamed before is what the data set holds.
func TestStreamOfChangingServer(t *testing.T) {
	dst := smallShards(t)
	whole := must(t, append([]string{"stream", dst}, tilesOfAll...)...)
	s, url := serveTroubled(t, dst, 0, 0)
	command := append([]string{"stream", url}, tilesOfAll...)
	run := func(code int, says ...string) {
		t.Helper()
		got, stdout, stderr := call(t, command...)
		if got != code {
			t.Errorf("exit code %d, want %d", got, code)
		}
		for _, part := range says {
			if !strings.Contains(stderr, part) {
				t.Errorf("%q does not say %q", stderr, part)
			}
		}
		if !strings.HasPrefix(whole, stdout) || len(stdout) == len(whole) {
			t.Errorf("%d bytes were streamed, not the beginning of the %d of the data set", len(stdout), len(whole))
		}
	}
	s.asked.Store(0)
	if _, stdout, stderr := call(t, command...); stdout != whole {
		t.Fatalf("%d bytes over HTTP, %d from the folder: %s", len(stdout), len(whole), stderr)
	}
	all := s.asked.Load()
	shards, err := filepath.Glob(filepath.Join(dst, "chunks", "train-*.parquet"))
	if err != nil || len(shards) < 10 || all < int64(2*len(shards)) {
		t.Fatalf("%d shards, %d range requests: too few to tell: %v", len(shards), all, err)
	}
	// Once the shards are open, wherever it happens.
	for opened := int64(len(shards)) * 3 / 2; opened < all; opened += (all - opened + 5) / 6 {
		s.asked.Store(0)
		s.replaced.Store(opened)
		run(codeInput, "changed while it was read", "chunks/", "ETag")
	}
	s.replaced.Store(0)
	shard := shards[len(shards)/2]
	info, err := os.Stat(shard)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(shard, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	run(codeDamaged, "chunks/train-", fmt.Sprintf("the manifest says %d", info.Size()))
}

// A server that hangs does not keep the program from ending.
func TestStreamInterruptedWhileServerHangs(t *testing.T) {
	dst := streamed(t)
	s, url := serveTroubled(t, dst, 0, 0)
	cmd := program(t, "stream", url, "--size", "8,8,8", "--epochs", "-1", "--seed", "4", "--memory", "80MiB")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	s.stops.Store(true)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code, took := cmd.ProcessState.ExitCode(), time.Since(start); code != codeInterrupted || took > 5*time.Second {
		t.Errorf("exit code %d after %v", code, took)
	}
}

// A consumer that stops reading keeps the program's memory below --memory, and ends it by closing.
func TestStreamIntoFullPipe(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	if raceEnabled {
		t.Skip("the race detector takes several times the memory of the program")
	}
	const memory = 256 << 20
	cmd := program(t, "stream", streamed(t), "--size", "32,64,64", "--batch", "32", "--array", "raw", "--array", "gt_instances",
		"--epochs", "-1", "--count", "1000", "--seed", "4", "--memory", "256MiB")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Some batches pass, slowly, so that those behind them are read ahead.
	for range 20 {
		if _, err := io.ReadFull(out, make([]byte, 10<<20)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	before := residentPeak(t, cmd.Process.Pid)
	for range 10 {
		time.Sleep(50 * time.Millisecond)
		if peak := residentPeak(t, cmd.Process.Pid); peak > memory || peak < memory/4 {
			t.Fatalf("%d bytes resident at the peak, with --memory 256MiB", peak)
		}
	}
	t.Logf("resident at the peak: %d MiB while it was read, %d MiB after", before>>20, residentPeak(t, cmd.Process.Pid)>>20)
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_ = cmd.Wait() // a broken pipe, which is no failure
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it ended after %v", took)
	}
}

// residentPeak is VmHWM of a process, in bytes.
func residentPeak(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
