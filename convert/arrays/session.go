package arrays

import (
	"context"
	"fmt"
	"sync"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/ordered"
	"github.com/micropq/micropq/schemas"
)

// maxPiece bounds what is read at once for one block of a higher level. How a block is cut
// into pieces changes no byte of the output.
const maxPiece = 16 << 20

// Session writes the shards of chunks of one chain.
type Session struct {
	samples  map[string]*Sample
	spans    []Span // of all tasks of the session, in order
	next     int    // the span that comes next
	unit     *openUnit
	encoding chunkcodec.Encoding
	res      convert.Resources
	states   sync.Pool // of *state
	encoders sync.Pool // of *chunkcodec.Encoder: large, and needed while a block is made only
}

// openUnit is the unit being read; its reader serves the spans of several tasks.
type openUnit struct {
	span   Span
	sample *Sample
	array  *Array
	grid   *grid
	full   [nAxes]int // extents of level 0
	reader Reader
	window int
	piece  int         // bytes that are read at once for a block of a higher level
	reads  []int       // index into the schedule of the first region of each block to come
	facts  *ArrayFacts // of the current task, nil above level 0
	first  int         // position in reads of the current span's first block
	mu     sync.Mutex  // guards facts.Objects: readers report from several goroutines
}

// NewSession makes a session for tasks of chunks, in plan order.
func NewSession(samples []Sample, tasks []convert.Task, e chunkcodec.Encoding, res convert.Resources) (*Session, error) {
	s := &Session{samples: map[string]*Sample{}, encoding: e, res: res}
	for i := range samples {
		s.samples[samples[i].ID] = &samples[i]
	}
	for _, t := range tasks {
		d, err := ParseDetail(t)
		if err != nil {
			return nil, err
		}
		s.spans = append(s.spans, d.Spans...)
	}
	return s, nil
}

// Close releases the reader.
func (s *Session) Close() error {
	if s.unit == nil {
		return nil
	}
	err := s.unit.reader.Close()
	s.unit = nil
	return err
}

// Run writes the rows of the next task and returns its Facts.
func (s *Session) Run(ctx context.Context, t convert.Task, w *convert.Shard) (any, error) {
	d, err := ParseDetail(t)
	if err != nil {
		return nil, err
	}
	var facts Facts
	for _, span := range d.Spans {
		if s.next >= len(s.spans) || s.spans[s.next] != span {
			return nil, fmt.Errorf("task %s is not the next of its session", t.Path())
		}
		if err := s.open(span); err != nil {
			return nil, err
		}
		s.next++
		if err := s.span(ctx, span, w); err != nil {
			return nil, err
		}
		if f := s.unit.facts; f != nil {
			facts.Arrays = append(facts.Arrays, *f)
		}
	}
	return &facts, nil
}

// open makes the unit of a span the current one. Its reader is told of every region that
// this session will read of it, so that it knows what to keep.
func (s *Session) open(span Span) error {
	u := s.unit
	if u == nil || u.span.Sample != span.Sample || u.span.Array != span.Array || u.span.Level != span.Level {
		if err := s.Close(); err != nil {
			return err
		}
		var err error
		if u, err = s.newUnit(span); err != nil {
			return err
		}
		s.unit = u
	} else {
		u.first += u.span.Blocks
	}
	u.span = span
	u.facts = nil
	if span.Level == 0 {
		u.facts = newArrayFacts(u.sample, u.array)
	}
	return nil
}

func (s *Session) newUnit(span Span) (*openUnit, error) {
	u := &openUnit{span: span, sample: s.samples[span.Sample]}
	if u.sample == nil {
		return nil, fmt.Errorf("plan names sample %q, which the source lacks", span.Sample)
	}
	for i := range u.sample.Arrays {
		if u.sample.Arrays[i].Name == span.Array {
			u.array = &u.sample.Arrays[i]
		}
	}
	if u.array == nil {
		return nil, fmt.Errorf("plan names array %q, which sample %s lacks", span.Array, span.Sample)
	}
	u.grid = newGrid(u.array, span.Level)
	u.full = newGrid(u.array, 0).shape
	memory, err := s.window(u)
	if err != nil {
		return nil, err
	}
	schedule := s.schedule(u)
	var onObject func(string, int64, []byte)
	if span.Level == 0 {
		onObject = u.object
	}
	if u.reader, err = u.array.Source.Reader(schedule, memory, onObject); err != nil {
		return nil, &convert.InputError{Sample: span.Sample, Where: span.Array, Err: err}
	}
	return u, nil
}

// object notes an encoded object for the sample's source digest.
func (u *openUnit) object(key string, off int64, encoded []byte) {
	o := newObject(key, off, encoded)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.facts.Objects = append(u.facts.Objects, o)
}

// window decides how many blocks are worked on at once and returns the memory that is left
// for the reader. A block costs its elements, the payload made of them, and for a higher
// level the piece it is read from.
func (s *Session) window(u *openUnit) (left int64, err error) {
	g := u.grid
	n := u.array.Source.DType().Size()
	for _, ax := range []int{axT, axZ, axY, axX} {
		n *= min(g.chunk[ax], g.shape[ax])
	}
	n *= g.shape[axC]
	block := 2*int64(n) + int64(n)/8
	if u.span.Level > 0 {
		u.piece = int(max(u.smallestPiece(), min(maxPiece, s.res.Memory/8)))
		block += int64(u.piece)
	}
	if block > s.res.Memory/2 {
		return 0, fmt.Errorf("%s: %s: a block of all channels at level %d takes %d MiB and %d MiB are to be had for one: raise --memory, or take a smaller --chunk or fewer --levels",
			u.span.Sample, u.span.Array, u.span.Level, ceilDiv(int(block), 1<<20), s.res.Memory>>21)
	}
	u.window = int(min(int64(2*s.res.Workers), s.res.Memory/2/block))
	return s.res.Memory - int64(u.window)*block, nil
}

// schedule lists the regions that the coming spans of the unit read, in order, and notes
// where each block's begin.
func (s *Session) schedule(u *openUnit) (regions []nd.Region) {
	for _, sp := range s.spans[s.next:] {
		if sp.Sample != u.span.Sample || sp.Array != u.span.Array || sp.Level != u.span.Level {
			break
		}
		for i := range sp.Blocks {
			u.reads = append(u.reads, len(regions))
			for _, p := range u.pieces(u.grid.block(sp.First + i)) {
				regions = append(regions, u.grid.region(u.grid.source(p, sp.Level, u.full)))
			}
		}
	}
	return regions
}

// smallestPiece is the number of bytes that one element of the level is made of, in all
// channels: pieces cannot be smaller.
func (u *openUnit) smallestPiece() int64 {
	n := int64(u.array.Source.DType().Size()) * int64(u.full[axC])
	for _, ax := range blockOrder {
		n *= int64(min(scale(ax, u.span.Level), u.full[ax]))
	}
	return n
}

// pieces cuts a block into boxes whose source is small enough to be read at once.
func (u *openUnit) pieces(b box) []box {
	if u.span.Level == 0 {
		return []box{b}
	}
	size := u.grid.source(b, u.span.Level, u.full).elements() * u.array.Source.DType().Size()
	if size <= u.piece {
		return []box{b}
	}
	for _, ax := range blockOrder {
		if n := b.shape[ax]; n > 1 {
			lo, hi := b, b
			lo.shape[ax] = n / 2
			hi.origin[ax] += n / 2
			hi.shape[ax] = n - n/2
			return append(u.pieces(lo), u.pieces(hi)...)
		}
	}
	return []box{b}
}

// span writes the rows of one span.
func (s *Session) span(ctx context.Context, span Span, w *convert.Shard) error {
	u := s.unit
	return ordered.Each(ctx, span.Blocks, s.res.Workers, u.window,
		func(ctx context.Context, i int) (*state, error) {
			if err := s.res.CPU.Acquire(ctx); err != nil {
				return nil, err
			}
			defer s.res.CPU.Release()
			enc, err := s.encoder()
			if err != nil {
				return nil, err
			}
			defer s.encoders.Put(enc)
			st := s.state()
			if err := st.block(ctx, u, enc, i); err != nil {
				return nil, inputError(ctx, span, err)
			}
			return st, nil
		},
		func(st *state) error {
			defer s.states.Put(st)
			for i := range st.rows {
				if err := w.Write(&st.rows[i]); err != nil {
					return err
				}
			}
			st.note(u.facts)
			s.res.Progress(st.work)
			return nil
		})
}

// inputError says of which array a defect is, unless the work was cancelled.
func inputError(ctx context.Context, span Span, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &convert.InputError{Sample: span.Sample, Where: span.Array, Err: err}
}

func (s *Session) state() *state {
	if st, ok := s.states.Get().(*state); ok {
		return st
	}
	return &state{encoding: s.encoding}
}

func (s *Session) encoder() (*chunkcodec.Encoder, error) {
	if enc, ok := s.encoders.Get().(*chunkcodec.Encoder); ok {
		return enc, nil
	}
	return chunkcodec.NewEncoder(s.encoding, 0)
}

func (u *openUnit) labels() bool { return u.array.Role == schemas.RoleLabels }
