package shardfile

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// defined looks up a row among definition levels: null is whether its level is below
// maxLevel, and before the number of rows before it that are not null.
func defined(levels []byte, row int64, maxLevel int) (before int64, null bool, err error) {
	width := bits.Len(uint(maxLevel))
	for {
		run, rest, err := nextRun(levels, width)
		if err != nil {
			return 0, false, err
		}
		if row < run.count {
			return before + run.full(row, maxLevel), run.level(row) != maxLevel, nil
		}
		before += run.full(run.count, maxLevel)
		row -= run.count
		levels = rest
	}
}

// levelRun is a run of the RLE/bit-packed hybrid (Parquet format, Encodings.md): one level
// that is repeated, or levels of width bits each, least significant bit first.
type levelRun struct {
	count  int64
	packed bool
	width  int
	data   []byte
}

func nextRun(levels []byte, width int) (run levelRun, rest []byte, err error) {
	head, n := binary.Uvarint(levels)
	if n <= 0 {
		return run, nil, io.ErrUnexpectedEOF
	}
	levels = levels[n:]
	run = levelRun{packed: head&1 == 1, count: int64(head >> 1), width: width}
	size := int64(1) // a level takes at most a byte
	if run.packed {
		groups := run.count
		if groups > int64(len(levels)) { // so that the products fit
			return run, nil, io.ErrUnexpectedEOF
		}
		size, run.count = groups*int64(width), groups*8
	}
	if run.count == 0 || size > int64(len(levels)) {
		return run, nil, io.ErrUnexpectedEOF
	}
	run.data = levels[:size]
	return run, levels[size:], nil
}

func (r *levelRun) level(i int64) (v int) {
	if !r.packed {
		return int(r.data[0])
	}
	for k := range r.width {
		at := i*int64(r.width) + int64(k)
		v |= int(r.data[at/8]>>(at%8)&1) << k
	}
	return v
}

// full counts the first n levels that are maxLevel.
func (r *levelRun) full(n int64, maxLevel int) (count int64) {
	if !r.packed {
		if r.level(0) == maxLevel {
			return n
		}
		return 0
	}
	for i := range n {
		if r.level(i) == maxLevel {
			count++
		}
	}
	return count
}
