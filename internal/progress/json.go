package progress

import (
	"encoding/json"
	"io"
	"math"
	"time"
)

const jsonInterval = 500 * time.Millisecond

// The events of a JSON report.
const (
	EventStart    = "start"
	EventProgress = "progress"
	EventNote     = "note"
	EventDone     = "done" // the run is stopped, whether or not it reached its total
)

// Event is a line of mode JSON. A note has event and text only. The rate is that of the last
// half minute, in done that of the whole run.
type Event struct {
	Event string `json:"event"`
	Text  string `json:"text,omitempty"`
	*Run
}

// Run is the state of a run in an [Event].
type Run struct {
	What    string   `json:"what"`
	Bytes   int64    `json:"bytes"`
	Total   *int64   `json:"total"`            // null when not known
	Rate    int64    `json:"rate_bytes_per_s"` // rounded
	Left    *float64 `json:"eta_s"`            // seconds, null when it cannot be told
	Elapsed float64  `json:"elapsed_s"`        // seconds
}

// jsonLines shows reports as one JSON object a line.
type jsonLines struct{ w io.Writer }

func (j jsonLines) start(s state)    { j.run(EventStart, s) }
func (j jsonLines) progress(s state) { j.run(EventProgress, s) }
func (j jsonLines) done(s state)     { j.run(EventDone, s) }

func (j jsonLines) note(text string) { j.write(Event{Event: EventNote, Text: text}) }

func (j jsonLines) run(event string, s state) {
	r := &Run{What: s.what, Bytes: s.bytes, Rate: int64(math.Round(s.rate)), Elapsed: seconds(s.elapsed)}
	if s.total > 0 {
		r.Total = &s.total
	}
	if d, ok := s.left(); ok {
		left := seconds(d)
		r.Left = &left
	}
	j.write(Event{Event: event, Run: r})
}

// write writes a line in one piece. Its errors are dropped, as the package comment says.
func (j jsonLines) write(e Event) {
	enc := json.NewEncoder(j.w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(e)
}

// seconds rounds to milliseconds.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
