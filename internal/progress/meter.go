package progress

import (
	"sync"
	"time"
)

// rateWindow is how far back the rate of a report looks: long enough to smooth shards of
// unequal cost, short enough to forget a slow start.
const rateWindow = 30 * time.Second

// state is a run at one moment.
type state struct {
	what    string
	total   int64 // 0 when not known
	bytes   int64
	elapsed time.Duration
	rate    float64 // bytes per second: lately, over the whole run once it is stopped
}

// left is the time to the end at the rate of late, if that can be told.
func (s state) left() (time.Duration, bool) {
	if s.total <= 0 || s.rate <= 0 {
		return 0, false
	}
	seconds := float64(max(0, s.total-s.bytes)) / s.rate
	if seconds > maxLeft.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// maxLeft is the longest time left that is worth showing; it keeps a rate near zero from
// overflowing a duration.
const maxLeft = 10000 * time.Hour

// view shows the reports of a meter, which calls it from one goroutine at a time.
type view interface {
	start(state)
	progress(state)
	note(text string)
	done(state)
}

// meter is the Reporter of all modes: it keeps the state, and has a view show it, at most
// once an interval.
type meter struct {
	view     view
	interval time.Duration
	now      func() time.Time

	mu      sync.Mutex
	running bool
	begun   time.Time
	state   state
	marks   []mark // the reports within the rate window and the last before it
}

// mark is how far a run was at a report.
type mark struct {
	elapsed time.Duration
	bytes   int64
}

func (m *meter) Start(what string, totalBytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop()
	m.running, m.begun = true, m.now()
	m.state = state{what: what, total: max(0, totalBytes)}
	m.marks = append(m.marks[:0], mark{})
	m.view.start(m.state)
}

func (m *meter) Add(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running {
		return
	}
	m.state.bytes += bytes
	m.state.elapsed = m.now().Sub(m.begun)
	if m.state.elapsed-m.marks[len(m.marks)-1].elapsed < m.interval {
		return
	}
	for len(m.marks) > 1 && m.state.elapsed-m.marks[1].elapsed >= rateWindow {
		m.marks = m.marks[1:]
	}
	m.state.rate = rate(m.state.bytes-m.marks[0].bytes, m.state.elapsed-m.marks[0].elapsed)
	m.marks = append(m.marks, mark{m.state.elapsed, m.state.bytes})
	m.view.progress(m.state)
}

func (m *meter) Note(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.view.note(text)
}

func (m *meter) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop()
}

func (m *meter) stop() {
	if !m.running {
		return
	}
	m.running = false
	m.state.elapsed = m.now().Sub(m.begun)
	m.state.rate = rate(m.state.bytes, m.state.elapsed)
	m.view.done(m.state)
}

func rate(bytes int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(bytes) / d.Seconds()
}
