package tiffio

import (
	"context"
	"iter"
	"runtime"

	"github.com/micropq/micropq/internal/nd"
)

// Band is a run of rows of an array, all columns of them.
type Band struct {
	Region nd.Region // in the array: extent 1 along T and Z, all of C and X
	View   nd.View   // of the region's shape, little-endian; it holds until the next band
}

// bandsBytes is about how much one band of Bands takes.
const bandsBytes = 1 << 20

// Bands iterates over the rows of every plane, T slowest, then Z, then Y, in bands that hold
// all channels. Every segment is decoded once, the bands to come by other goroutines while
// the caller works on one. It ends with the first error. Memory is bounded by a few bands
// and the segments that they cut.
func (a *Array) Bands(ctx context.Context) iter.Seq2[Band, error] {
	return func(yield func(Band, error) bool) {
		schedule := a.bandSchedule()
		r, err := a.NewReader(ReaderOptions{Schedule: schedule, Budget: 1 << 62})
		if err != nil {
			yield(Band{}, err)
			return
		}
		defer r.Close()
		ctx, cancel := context.WithCancel(ctx)
		run := newAhead(ctx, r, schedule)
		defer run.wait()
		defer cancel()
		for i := range schedule {
			b, err := run.next(i)
			if err != nil {
				yield(Band{}, err)
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// bandSchedule cuts the planes into runs of rows that follow the segments.
func (a *Array) bandSchedule() (schedule []nd.Region) {
	p := a.pages[0]
	cut := p.bands(limits{})
	rowBytes := p.Width * a.lead[1] * a.samples * p.DType.Size()
	step := cut.h * max(1, bandsBytes/max(1, rowBytes*cut.h))
	if cut.perSeg > 1 {
		step = cut.h
	}
	for t := range a.lead[0] {
		for z := range a.lead[2] {
			for y := 0; y < p.Height; {
				n := min(step, p.Height-y)
				if cut.perSeg > 1 { // bands do not reach over the end of a segment
					n = min(n, p.segH-y%p.segH)
				}
				region := nd.Whole(a.shape)
				for i := range len(a.axes) {
					switch a.axes[i] {
					case 'T':
						region.Origin[i], region.Shape[i] = t, 1
					case 'Z':
						region.Origin[i], region.Shape[i] = z, 1
					case 'Y':
						region.Origin[i], region.Shape[i] = y, n
					}
				}
				schedule = append(schedule, region)
				y += n
			}
		}
	}
	return schedule
}

// ahead reads the bands to come.
type ahead struct {
	ctx      context.Context
	r        *Reader
	schedule []nd.Region
	slots    []slot // band i is in slot i modulo their number
	started  int
}

// slot is memory for one band, and the outcome of reading it.
type slot struct {
	data []byte
	done chan error
}

func newAhead(ctx context.Context, r *Reader, schedule []nd.Region) *ahead {
	n := min(runtime.GOMAXPROCS(0), 8)
	if r.cuts[0].perSeg > 1 { // one band comes after the other: one is decoded while another is finished
		n = min(n, 2)
	}
	return &ahead{ctx: ctx, r: r, schedule: schedule, slots: make([]slot, n+1)}
}

// next waits for band i and sets the reading of more going. The band before it is given up.
func (h *ahead) next(i int) (Band, error) {
	for ; h.started < min(i+len(h.slots), len(h.schedule)); h.started++ {
		h.start(h.started)
	}
	s := &h.slots[i%len(h.slots)]
	err := <-s.done
	s.done = nil
	return Band{h.schedule[i], h.view(i)}, err
}

func (h *ahead) view(i int) nd.View {
	size := h.r.a.DType().Size()
	return nd.Dense(h.slots[i%len(h.slots)].data, h.schedule[i].Shape, size)
}

func (h *ahead) start(i int) {
	s := &h.slots[i%len(h.slots)]
	s.data = resize(s.data, h.schedule[i].Elements()*h.r.a.DType().Size())
	s.done = make(chan error, 1)
	view, done := h.view(i), s.done
	go func() { done <- h.r.Read(h.ctx, i, view) }()
}

// wait returns when no goroutine is left.
func (h *ahead) wait() {
	for i := range h.slots {
		if h.slots[i].done != nil {
			<-h.slots[i].done
		}
	}
}
