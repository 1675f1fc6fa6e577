package store

import (
	"errors"
	"fmt"
	"sync"

	"github.com/micropq/micropq/internal/inflate"
)

// unpack fills dst from a deflate stream, which must hold exactly as many bytes.
func unpack(dst, packed []byte) error {
	out, _, err := inflate.Decode(dst, packed, len(dst))
	switch {
	case errors.Is(err, inflate.ErrTooLong):
		return fmt.Errorf("it inflates to more than the %d bytes it says it has", len(dst))
	case errors.Is(err, inflate.ErrTruncated):
		return fmt.Errorf("it says it has %d bytes and is cut short: %w", len(dst), err)
	case err != nil:
		return fmt.Errorf("inflating: %w", err)
	case len(out) < len(dst):
		return fmt.Errorf("it inflates to %d bytes but says it has %d", len(out), len(dst))
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
