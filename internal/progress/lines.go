package progress

import (
	"fmt"
	"io"
	"time"
)

// lineInterval keeps the log of a long job readable.
const lineInterval = 10 * time.Second

// lines shows reports as plain lines.
type lines struct{ w io.Writer }

func (l lines) start(state) {}

func (l lines) progress(s state) {
	left := ""
	if d, ok := s.left(); ok {
		left = fmt.Sprintf(", %s left", d.Round(time.Second))
	}
	fmt.Fprintf(l.w, "%s: %s, %s/s%s\n", s.what, reached(s), size(s.rate), left)
}

func (l lines) note(text string) { fmt.Fprintln(l.w, text) }

// done says nothing of a run too short for a line before: its result is all there is to tell.
func (l lines) done(s state) {
	if s.elapsed < lineInterval {
		return
	}
	fmt.Fprintf(l.w, "%s: %s in %s, %s/s\n", s.what, reached(s), s.elapsed.Round(100*time.Millisecond), size(s.rate))
}

// notes shows notes as plain lines and reports not at all.
type notes struct{ w io.Writer }

func (n notes) start(state)      {}
func (n notes) progress(state)   {}
func (n notes) note(text string) { fmt.Fprintln(n.w, text) }
func (n notes) done(state)       {}

// reached is how far a run is: "1.0 MiB of 4.0 MiB (25%)".
func reached(s state) string {
	if s.total == 0 {
		return size(float64(s.bytes))
	}
	return fmt.Sprintf("%s of %s (%d%%)", size(float64(s.bytes)), size(float64(s.total)), int(100*float64(s.bytes)/float64(s.total)))
}

// size writes a number of bytes for people.
func size(bytes float64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%.0f B", bytes)
	}
	unit := ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if bytes /= 1024; bytes < 1024 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", bytes, unit)
}
