// Package progress reports on long work while it runs: how far it is, how fast it goes and
// how long it will take.
//
// The words it uses:
//
//   - A run lies between Start and Stop. It has a total in bytes, or none that is known.
//   - A report is one rendering of the run's state: a bar, a line, or a JSON object. Reports
//     are made when bytes are added and the last one is old enough, so that nothing runs in
//     the background and nothing is left running after Stop.
//   - A note is a line of text for the user. It is always shown, in a run or outside one.
//
// Reports never fail the work they describe: errors of the writer are dropped.
package progress

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Reporter is told of work as it is done. All methods may be called from any goroutine.
type Reporter interface {
	// Start begins a run of totalBytes, 0 when that is not known. A run that was going on
	// is stopped first.
	Start(what string, totalBytes int64)
	// Add says that bytes more are done. Outside a run it does nothing.
	Add(bytes int64)
	// Note shows a line of text.
	Note(text string)
	// Stop ends the run with a last report. Outside a run it does nothing.
	Stop()
}

// Mode is how progress is shown.
type Mode string

// The modes.
const (
	Auto  Mode = "auto"  // Bar on a terminal, else Lines
	Bar   Mode = "bar"   // a bar that is redrawn in place and gone after Stop
	Lines Mode = "lines" // a line every 10 seconds at most, and one at the end of a run as long as that
	JSON  Mode = "json"  // a JSON object a line, at most 2 a second, see [Event]
	None  Mode = "none"  // notes alone, for they may be warnings
)

// Modes lists the modes.
func Modes() []Mode { return []Mode{Auto, Bar, Lines, JSON, None} }

// ParseMode reads the name of a mode. The empty name is Auto.
func ParseMode(name string) (Mode, error) {
	names := make([]string, 0, len(Modes()))
	for _, m := range Modes() {
		if name == string(m) {
			return m, nil
		}
		names = append(names, string(m))
	}
	if name == "" {
		return Auto, nil
	}
	return "", fmt.Errorf("unknown progress mode %q: want one of %s", name, strings.Join(names, ", "))
}

// New is a reporter that writes to w, which is standard error as a rule. Whether w is a
// terminal decides what Auto is.
func New(w io.Writer, mode Mode, isTerminal bool) Reporter {
	return newReporter(w, mode, isTerminal, time.Now)
}

func newReporter(w io.Writer, mode Mode, isTerminal bool, now func() time.Time) Reporter {
	if mode == Auto && isTerminal {
		mode = Bar
	}
	switch mode {
	case Bar:
		return &meter{view: &bar{w: w}, interval: barInterval, now: now}
	case JSON:
		return &meter{view: jsonLines{w}, interval: jsonInterval, now: now}
	case None:
		return &meter{view: notes{w}, interval: lineInterval, now: now}
	}
	return &meter{view: lines{w}, interval: lineInterval, now: now}
}

// Discard reports nothing, not even notes.
var Discard Reporter = discard{}

type discard struct{}

func (discard) Start(string, int64) {}
func (discard) Add(int64)           {}
func (discard) Note(string)         {}
func (discard) Stop()               {}
