package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// manyShards are options that cut even a small release into many shards.
var manyShards = []string{"--chunk", "16,16,16", "--shard-size", "64KiB", "--levels", "2"}

func manyShardsRelease(t *testing.T, samples int) string {
	return release(t, fisbegen.Options{Samples: samples, Shape: []int{3, 40, 70, 90}, Chunks: []int{2, 13, 30, 41}, Neurons: 4, Seed: 9})
}

func convertMany(src, dst string, more ...string) []string {
	return slices.Concat([]string{"convert", "fisbe"}, manyShards, more, []string{src, dst})
}

func TestConvertIsDeterministic(t *testing.T) {
	t.Parallel()
	src := manyShardsRelease(t, 2)
	var want map[string]string
	for i, more := range [][]string{{"--jobs", "1"}, {"--jobs", "2"}, {"--jobs", "7"}, {"--jobs", "3", "--memory", "16MiB"}} {
		dst := filepath.Join(t.TempDir(), fmt.Sprint(i))
		must(t, convertMany(src, dst, more...)...)
		got := tree(t, dst)
		if want == nil {
			want = got
		}
		sameTree(t, got, want)
	}
	if len(want) < 20 {
		t.Errorf("only %d files: the test wants many shards", len(want))
	}
}

// Killed at random moments and started again each time, a conversion ends with the bytes
// of one that was left alone, and is no data set before that.
func TestConvertSurvivesKill(t *testing.T) {
	t.Parallel()
	kills := 25
	if testing.Short() {
		kills = 5
	}
	src := manyShardsRelease(t, 1)
	whole := filepath.Join(t.TempDir(), "whole")
	start := time.Now()
	if out, err := program(t, convertMany(src, whole)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(start)
	want := tree(t, whole)
	if len(want) < 15 {
		t.Errorf("only %d files: the test wants many shards", len(want))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	killed := 0
	for killed < kills {
		dst := filepath.Join(t.TempDir(), fmt.Sprint("killed", killed))
		for killed < kills && killedOnce(t, convertMany(src, dst), time.Duration(rng.Int64N(int64(took)))) {
			killed++
			checkUnfinished(t, dst, want)
		}
		must(t, convertMany(src, dst)...)
		sameTree(t, tree(t, dst), want)
	}
}

// checkUnfinished checks that what a killed conversion left is no data set, or all of it.
func checkUnfinished(t *testing.T, dst string, want map[string]string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dst, "manifest.json")); err == nil {
		sameTree(t, withoutWork(tree(t, dst)), want)
		return
	}
	expect := codeDamaged
	if _, err := os.Stat(dst); err != nil {
		expect = codeInput // killed before there was anything
	}
	if code, _, stderr := call(t, "inspect", dst); code != expect {
		t.Errorf("inspect of an interrupted conversion: exit code %d, want %d: %s", code, expect, stderr)
	}
}

// withoutWork leaves out the work folder, which a kill after the commit leaves behind.
func withoutWork(files map[string]string) map[string]string {
	for name := range files {
		if strings.HasPrefix(name, ".micropq/") {
			delete(files, name)
		}
	}
	return files
}

// killedOnce starts micropq, kills it after a while, and reports whether that was in time.
// A program that fails by itself fails the test.
func killedOnce(t *testing.T, args []string, after time.Duration) bool {
	t.Helper()
	cmd := program(t, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	_ = cmd.Process.Kill() // it may have ended
	err := cmd.Wait()
	if err == nil {
		return false
	}
	byKill := -1 // the code of one that a signal ended
	if runtime.GOOS == "windows" {
		byKill = 1
	}
	if code := cmd.ProcessState.ExitCode(); code != byKill {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return true
}

// Interrupted, it ends within a second with exit code 5, says how to go on, and goes on.
func TestConvertInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent an interrupt here")
	}
	t.Parallel()
	src := release(t, fisbegen.Options{Samples: 1, Shape: []int{3, 60, 160, 160}, Neurons: 4, Compressor: "none", Seed: 3})
	line := func(dst string, more ...string) []string {
		return slices.Concat([]string{"convert", "fisbe", "--chunk", "8", "--shard-size", "256KiB"}, more, []string{src, dst})
	}
	for _, receipts := range []int{0, 1, 5} {
		t.Run(fmt.Sprintf("after %d shards", receipts), func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "out")
			cmd := program(t, line(dst)...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitReceipts(t, dst, receipts)
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			took := waited(cmd)
			if code := cmd.ProcessState.ExitCode(); code != codeInterrupted {
				t.Fatalf("exit code %d, want %d\n%s", code, codeInterrupted, &stderr)
			}
			if took > time.Second {
				t.Errorf("it took %v to stop", took)
			}
			t.Logf("it took %v to stop", took)
			if !strings.Contains(stderr.String(), "run the same command again") {
				t.Errorf("it does not say how to go on:\n%s", &stderr)
			}
			if code, _, _ := call(t, "inspect", dst); code != codeDamaged {
				t.Errorf("inspect of an interrupted conversion: exit code %d", code)
			}
			checkGoesOn(t, line(dst, "--json"), receipts)
		})
	}
}

// awaitReceipts waits until a conversion has so many receipts, 0 standing for its work folder.
func awaitReceipts(t *testing.T, dst string, n int) {
	t.Helper()
	dir := filepath.Join(dst, ".micropq", "receipts")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %d receipts within a minute", n)
		}
	}
}

// checkGoesOn runs an interrupted conversion to its end, which keeps what was done.
func checkGoesOn(t *testing.T, args []string, done int) {
	t.Helper()
	var result struct{ Kept, Written int }
	if err := json.Unmarshal([]byte(must(t, args...)), &result); err != nil {
		t.Fatal(err)
	}
	if result.Kept < done || result.Written == 0 {
		t.Errorf("%+v, want at least %d shards kept and some written", result, done)
	}
}

// waited waits for a program to end and returns how long that took by a clock that leaves
// out the time for which this machine was too busy to run even the clock.
func waited(cmd *exec.Cmd) (took time.Duration) {
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	const tick, late = 5 * time.Millisecond, 10 * time.Millisecond
	for {
		last := time.Now()
		select {
		case <-ended:
			return took + min(time.Since(last), late)
		case <-time.After(tick):
			took += min(time.Since(last), late)
		}
	}
}
