package progress

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// barInterval is as often as an eye needs.
const barInterval = 100 * time.Millisecond

// bar shows reports as a bar with bytes, rate and time left.
type bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar // nil outside a run
}

func (b *bar) start(s state) {
	length := s.total
	if length == 0 {
		length = -1 // a spinner
	}
	b.bar = progressbar.NewOptions64(length,
		progressbar.OptionSetWriter(b.w),
		progressbar.OptionSetDescription(s.what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetElapsedTime(true),
		// Otherwise a spinner turns in a goroutine of its own.
		progressbar.OptionSetSpinnerChangeInterval(0),
	)
	_ = b.bar.RenderBlank()
}

// progress moves the bar. The library refuses to go beyond the end, where a source that
// grew may lead.
func (b *bar) progress(s state) {
	bytes := s.bytes
	if s.total > 0 {
		bytes = min(bytes, s.total)
	}
	_ = b.bar.Set64(bytes)
}

func (b *bar) note(text string) {
	if b.bar == nil {
		fmt.Fprintln(b.w, text)
		return
	}
	_ = b.bar.Clear()
	fmt.Fprintln(b.w, text)
	_ = b.bar.RenderBlank()
}

// done takes the bar away: what it said is no longer true, and the result is what follows.
func (b *bar) done(state) {
	_ = b.bar.Clear()
	b.bar = nil
}
