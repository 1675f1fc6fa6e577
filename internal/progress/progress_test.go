package progress

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// clock is a clock that a test turns.
type clock struct{ t time.Time }

func (c *clock) now() time.Time        { return c.t }
func (c *clock) sleep(d time.Duration) { c.t = c.t.Add(d) }

// story is a run as a conversion makes one: a part that was done before, long work in small
// steps, a pause, a note, and a run whose total is not known.
func story(r Reporter, c *clock) {
	r.Note("before")
	r.Add(1 << 30)
	r.Stop()
	r.Start("converting", 400<<20)
	r.Add(100 << 20)
	for range 200 {
		c.sleep(120 * time.Millisecond)
		r.Add(1 << 20)
	}
	r.Note("sample \"a\" <has> no voxels")
	c.sleep(time.Minute)
	r.Add(100 << 20)
	c.sleep(time.Second)
	r.Stop()
	r.Stop()
	r.Start("checking", 0)
	c.sleep(11 * time.Second)
	r.Add(5)
	r.Start("an empty one", 0)
	r.Stop()
	r.Note("after")
}

func TestStory(t *testing.T) {
	for _, mode := range []Mode{Lines, JSON, None} {
		var b bytes.Buffer
		c := &clock{}
		story(newReporter(&b, mode, false, c.now), c)
		golden(t, string(mode)+".golden", b.Bytes())
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, run the test with -update. Now:\n%s", path, got)
	}
}

func TestReportsKeepTheirInterval(t *testing.T) {
	for mode, interval := range map[Mode]time.Duration{Lines: 10 * time.Second, JSON: 500 * time.Millisecond} {
		var b bytes.Buffer
		c := &clock{}
		r := newReporter(&b, mode, false, c.now)
		r.Start("work", 1<<20)
		reports := 0
		for range 60_000 {
			c.sleep(time.Millisecond)
			before := b.Len()
			r.Add(1)
			if b.Len() > before {
				reports++
			}
		}
		if want := int(time.Minute / interval); reports != want {
			t.Errorf("%s: %d reports in a minute, want %d", mode, reports, want)
		}
	}
}

func TestJSONLinesDecode(t *testing.T) {
	var b bytes.Buffer
	c := &clock{}
	story(newReporter(&b, JSON, false, c.now), c)
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	events := map[string]int{}
	var e Event
	for d.More() {
		e = Event{}
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if (e.Run == nil) != (e.Event == EventNote) {
			t.Errorf("event %q: run is %v", e.Event, e.Run)
		}
		events[e.Event]++
	}
	if events[EventStart] != 3 || events[EventDone] != 3 || events[EventNote] != 3 {
		t.Errorf("events %v, want 3 each of start, done and note", events)
	}
}

// The rate of late does not count what an earlier run had done, once that is half a minute ago.
func TestRateForgets(t *testing.T) {
	var s spy
	c := &clock{}
	m := &meter{view: &s, interval: time.Second, now: c.now}
	m.Start("work", 1e12)
	m.Add(1e11)
	for range 40 {
		c.sleep(time.Second)
		m.Add(1e6)
	}
	if s.last.rate != 1e6 {
		t.Errorf("rate is %v bytes/s after 40 s at 1e6", s.last.rate)
	}
	if len(m.marks) > 40 {
		t.Errorf("%d marks are kept", len(m.marks))
	}
	if left, ok := s.last.left(); !ok || left != 899_960*time.Second {
		t.Errorf("%v left, want 899960 s for 0.9e12-40e6 bytes", left)
	}
}

type spy struct{ last state }

func (s *spy) start(x state)    { s.last = x }
func (s *spy) progress(x state) { s.last = x }
func (s *spy) note(string)      {}
func (s *spy) done(x state)     { s.last = x }

func TestLeft(t *testing.T) {
	tests := map[string]struct {
		s    state
		want time.Duration
		ok   bool
	}{
		"half":         {state{total: 100, bytes: 50, rate: 10}, 5 * time.Second, true},
		"beyond":       {state{total: 100, bytes: 150, rate: 10}, 0, true},
		"no total":     {state{bytes: 50, rate: 10}, 0, false},
		"no rate":      {state{total: 100}, 0, false},
		"slower still": {state{total: 1 << 60, rate: 1e-9}, 0, false},
	}
	for name, test := range tests {
		if got, ok := test.s.left(); got != test.want || ok != test.ok {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, ok, test.want, test.ok)
		}
	}
}

// The terminal's line is clear before a note and after Stop, and the note is above the bar.
func TestBar(t *testing.T) {
	const clear = "\x1b[2K\r"
	for total, shows := range map[int64][]string{
		4 << 20: {"copying   0%", "copying  50%", "2.0/4.0 MiB", "copying 100%"},
		0:       {"copying", "2.0 MiB"},
	} {
		var b bytes.Buffer
		c := &clock{}
		r := newReporter(&b, Auto, true, c.now)
		r.Note("early")
		r.Start("copying", total)
		for _, bytes := range []int64{2 << 20, 0, 3 << 20} { // further than the total
			c.sleep(time.Second)
			r.Add(bytes)
		}
		r.Note("a note")
		r.Stop()
		r.Note("late")
		out := b.String()
		for _, s := range shows {
			if !strings.Contains(out, s) {
				t.Errorf("total %d: %q is not shown in %q", total, s, out)
			}
		}
		if !strings.HasPrefix(out, "early\n") || !strings.Contains(out, clear+"a note\n") || !strings.HasSuffix(out, clear+"late\n") {
			t.Errorf("total %d: notes stand where the bar is: %q", total, out)
		}
	}
}

func TestBarIsThrottled(t *testing.T) {
	var b bytes.Buffer
	c := &clock{}
	r := newReporter(&b, Bar, false, c.now)
	r.Start("copying", 1<<30)
	for range 10_000 {
		c.sleep(time.Millisecond)
		r.Add(1 << 10)
	}
	if n := strings.Count(b.String(), "\rcopying"); n < 90 || n > 101 {
		t.Errorf("the bar is drawn %d times in 10 s, want about 100", n)
	}
}

func TestConcurrentUseLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, mode := range Modes() {
		for _, total := range []int64{1 << 20, 0} {
			var out bytes.Buffer
			r := New(&out, mode, false)
			r.Start("work", total)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 1000 {
						r.Add(1)
					}
					r.Note("half")
				})
			}
			wg.Wait()
			r.Stop()
			if n := strings.Count(out.String(), "half"); n != 8 {
				t.Errorf("%s: %d of 8 notes", mode, n)
			}
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestABrokenWriterIsIgnored(t *testing.T) {
	for _, mode := range Modes() {
		c := &clock{}
		story(newReporter(broken{}, mode, false, c.now), c)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed pipe") }

func TestParseMode(t *testing.T) {
	for _, m := range Modes() {
		if got, err := ParseMode(string(m)); got != m || err != nil {
			t.Errorf("ParseMode(%q) is %q, %v", m, got, err)
		}
	}
	if got, err := ParseMode(""); got != Auto || err != nil {
		t.Errorf("the empty mode is %q, %v", got, err)
	}
	if _, err := ParseMode("loud"); err == nil || !strings.Contains(err.Error(), "auto, bar, lines, json, none") {
		t.Errorf("mode loud: %v", err)
	}
}

func TestAutoDependsOnTheTerminal(t *testing.T) {
	for terminal, want := range map[bool]bool{true: true, false: false} {
		m := New(io.Discard, Auto, terminal).(*meter)
		if _, isBar := m.view.(*bar); isBar != want {
			t.Errorf("terminal %v: a bar is %v", terminal, isBar)
		}
	}
}
