package draw

import (
	"errors"
	"fmt"
)

// Shuffle is how the items of an epoch are ordered.
type Shuffle struct {
	// Mode is "" or ModeNone for the order of the data set, ModeGlobal or ModeBuffered.
	Mode Mode `json:"shuffle,omitzero"`
	// Seed decides the order. It is a pointer because a shuffle without one is an error:
	// a run that cannot be repeated is not wanted by anyone who did not say so.
	Seed *uint64 `json:"seed,omitzero"`
	// Block and Buffer are for ModeBuffered: runs of Block items that lie together stay so,
	// and Buffer items are shuffled among themselves. Zero stands for 64 and 4096.
	Block  int `json:"shuffle-block,omitzero"`
	Buffer int `json:"shuffle-buffer,omitzero"`
}

// WithDefaults puts in what zero values stand for.
func (s Shuffle) WithDefaults() Shuffle {
	if s.Mode == "" {
		s.Mode = ModeNone
	}
	s.Block, s.Buffer = or(s.Block, 64), or(s.Buffer, 4096)
	return s
}

// Mode is a way to shuffle.
type Mode string

// The modes.
const (
	ModeNone     Mode = "none"
	ModeGlobal   Mode = "global"   // any order of all items is possible
	ModeBuffered Mode = "buffered" // blocks in any order, items within a buffer of blocks in any order
)

// ErrNoSeed is a shuffle without a seed.
var ErrNoSeed = errors.New("a shuffle needs a seed: give one, so that the run can be repeated")

// Validate reports every problem.
func (s Shuffle) Validate() error {
	var errs []error
	switch s.Mode {
	case "", ModeNone:
	case ModeGlobal, ModeBuffered:
		if s.Seed == nil {
			errs = append(errs, ErrNoSeed)
		}
	default:
		errs = append(errs, fmt.Errorf("shuffle %q: want %s, %s or %s", s.Mode, ModeNone, ModeGlobal, ModeBuffered))
	}
	if min(s.Block, s.Buffer) < 0 || max(s.Block, s.Buffer) > MaxItems {
		errs = append(errs, fmt.Errorf("shuffle blocks of %d in a buffer of %d: want positive numbers up to %d", s.Block, s.Buffer, int64(MaxItems)))
	}
	return errors.Join(errs...)
}

// seed is the seed, 0 where there is none and none is needed.
func (s Shuffle) seed() uint64 {
	if s.Seed == nil {
		return 0
	}
	return *s.Seed
}

// Order is the order of the items of an epoch.
type Order struct {
	n      int64
	mode   Mode
	global permutation // of items, or of blocks
	block  int64
	window int64 // items that are shuffled among themselves
	short  int64 // place of the short block at the end, -1 where there is none
	key    uint64
}

// tags keep the uses of one seed apart.
const (
	tagOrder = iota + 1
	tagWindow
	tagMixture
)

// NewOrder is the order of n items in an epoch.
func NewOrder(n int64, s Shuffle, epoch int64) (*Order, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s = s.WithDefaults()
	o := &Order{n: n, mode: s.Mode, key: key(s.seed(), uint64(epoch), tagOrder)}
	switch s.Mode {
	case ModeGlobal:
		o.global = newPermutation(n, o.key)
	case ModeBuffered:
		o.block = int64(s.Block)
		o.window = max(1, int64(s.Buffer)/o.block) * o.block
		blocks := (n + o.block - 1) / o.block
		o.global = newPermutation(blocks, o.key)
		o.short = -1
		if n%o.block != 0 {
			o.short = o.global.inverse(blocks - 1)
		}
	}
	return o, nil
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// Len is the number of items.
func (o *Order) Len() int64 { return o.n }

// At is the item at a position, 0 <= pos < Len.
func (o *Order) At(pos int64) int64 {
	switch o.mode {
	case ModeGlobal:
		return o.global.at(pos)
	case ModeBuffered:
		return o.blockwise(o.within(pos))
	}
	return pos
}

// within shuffles a position inside its window.
func (o *Order) within(pos int64) int64 {
	first := pos / o.window * o.window
	p := newPermutation(min(o.window, o.n-first), key(o.key, uint64(first), tagWindow))
	return first + p.at(pos-first)
}

// blockwise is the item at a position when blocks are laid out in their order, the short one
// among them.
func (o *Order) blockwise(pos int64) int64 {
	if begin := o.short * o.block; o.short >= 0 && pos >= begin {
		length := o.n % o.block
		if pos < begin+length {
			return o.n - length + pos - begin
		}
		pos += o.block - length // as if the short block were whole
	}
	return o.global.at(pos/o.block)*o.block + pos%o.block
}
