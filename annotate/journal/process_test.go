package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micropq/micropq/annotate/internal/fixture"
	"github.com/micropq/micropq/annotate/journal"
)

var ctx = context.Background()

// asWriter makes the test binary a writer: it appends edits and prints the number of each
// entry once it is told that it is written.
const asWriter = "MICROPQ_TEST_JOURNAL_WRITER"

func TestMain(m *testing.M) {
	if spec := os.Getenv(asWriter); spec != "" {
		if err := write(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write edits one instance: spec is the data set, the author and how many edits.
func write(spec string) error {
	part := strings.Split(spec, "|")
	n, err := strconv.Atoi(part[2])
	if err != nil {
		return err
	}
	j, err := journal.Open(ctx, part[0])
	if err != nil {
		return err
	}
	for range n {
		entries, err := j.Update(ctx, func() ([]journal.Draft, error) {
			before, known, err := j.State(key)
			if err != nil {
				return nil, err
			}
			if !known {
				before = withMask(state("AM", 0), 1)
			}
			revision := int32(1)
			if before.Revision != nil {
				revision += *before.Revision
			}
			after := withMask(state(part[1], revision), 1+revision%1000)
			return []journal.Draft{{Time: time.Now(), Author: part[1], Op: journal.Replace, Key: key, Before: before, After: after}}, nil
		})
		if err != nil {
			return err
		}
		fmt.Println(entries[0].Seq)
	}
	return nil
}

func writer(t *testing.T, dir, author string, n int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d", asWriter, dir, author, n))
	return cmd
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	dir := fixture.New(t, 1).Dir
	const writers, each = 3, 40
	var wg sync.WaitGroup
	seqs := make([][]byte, writers)
	errs := make([]error, writers)
	for i := range writers {
		cmd := writer(t, dir, fmt.Sprintf("author-%d", i), each)
		wg.Go(func() { seqs[i], errs[i] = cmd.Output() })
	}
	wg.Wait()
	told := map[string]bool{}
	for i := range writers {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		for seq := range strings.FieldsSeq(string(seqs[i])) {
			told[seq] = true
		}
	}
	j := open(t, dir)
	s, _, err := j.State(key)
	if err != nil {
		t.Fatal(err)
	}
	// The revision counts edits that were made on top of each other: none was made on a state
	// that another writer had left already.
	if len(told) != writers*each || j.Len() != writers*each || *s.Revision != writers*each {
		t.Errorf("%d entries told, %d in the journal, revision %d, want %d", len(told), j.Len(), *s.Revision, writers*each)
	}
	authors := map[string]int{}
	for e, err := range j.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		authors[e.Author]++
	}
	for i := range writers {
		if n := authors[fmt.Sprintf("author-%d", i)]; n != each {
			t.Errorf("author %d has %d entries", i, n)
		}
	}
}

func TestKilledWriters(t *testing.T) {
	dir := fixture.New(t, 1).Dir
	last := int64(0)
	for round := range 8 {
		cmd := writer(t, dir, "killed", 1<<30)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Kill it somewhere in its work, which starts with the first entry.
		r := bufio.NewReader(out)
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(5+7*round) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(r)
		_ = cmd.Wait() // killed
		if err != nil {
			t.Fatal(err)
		}
		for seq := range strings.FieldsSeq(string(rest)) {
			if last, err = strconv.ParseInt(seq, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		j, err := journal.Open(t.Context(), dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if j.Len() < last {
			t.Fatalf("round %d: entry %d was written, the journal has %d", round, last, j.Len())
		}
		s, _, err := j.State(key)
		if err != nil || int64(*s.Revision) != j.Len() {
			t.Fatalf("round %d: revision %d of %d entries, %v", round, *s.Revision, j.Len(), err)
		}
	}
	if last < 8 {
		t.Errorf("only %d entries were ever written", last)
	}
}
