package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// inflater is a reusable decoder with its input.
type inflater struct {
	in  bytes.Reader
	out io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	f := &inflater{}
	f.out = flate.NewReader(&f.in)
	return f
}}

// inflate fills dst from a deflate stream, which must hold exactly as many bytes.
func inflate(dst, packed []byte) error {
	f := inflaters.Get().(*inflater)
	defer inflaters.Put(f)
	f.in.Reset(packed)
	defer f.in.Reset(nil) // the pool must not keep the input alive
	if err := f.out.(flate.Resetter).Reset(&f.in, nil); err != nil {
		return err
	}
	if n, err := io.ReadFull(f.out, dst); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("it inflates to %d bytes but says it has %d, or is cut short: %w", n, len(dst), io.ErrUnexpectedEOF)
		}
		return fmt.Errorf("inflating byte %d of %d: %w", n, len(dst), err)
	}
	var more [1]byte
	switch n, err := io.ReadFull(f.out, more[:]); {
	case n > 0:
		return fmt.Errorf("it inflates to more than the %d bytes it says it has", len(dst))
	case err != io.EOF:
		return fmt.Errorf("inflating the end: %w", err)
	}
	return nil
}

// maxPooled bounds the buffers that are kept for the next use, in bytes.
const maxPooled = 64 << 20

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// borrow is a buffer for bytes on their way to somewhere else; giveBack takes it again.
func borrow() *[]byte { return buffers.Get().(*[]byte) }

func giveBack(b *[]byte) {
	if cap(*b) <= maxPooled {
		buffers.Put(b)
	}
}
