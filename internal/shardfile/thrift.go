package shardfile

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// The Parquet library allocates what a Thrift list claims before it reads the list, and a
// claim of some gigabytes takes five bytes. So every struct is walked first: what passes has
// as many bytes as it claims elements.

// errThrift is wrapped where bytes are no Thrift struct in the compact protocol.
var errThrift = errors.New("malformed Thrift struct")

// unmarshal decodes the struct at the start of b and returns the bytes behind it.
func unmarshal(b []byte, v any) (rest []byte, err error) {
	defer recovered(&err)
	w := walker{b: b}
	if err := w.value(thriftStruct, 0); err != nil {
		return nil, err
	}
	size := len(b) - len(w.b)
	var p thrift.CompactProtocol
	if err := thrift.NewDecoder(p.NewReaderFromBytes(b[:size])).Decode(v); err != nil {
		return nil, err
	}
	return b[size:], nil
}

// Types of the compact protocol, by the names of its specification
// (thrift-compact-protocol.md).
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12

	// maxDepth is twice the depth of the structs of Parquet.
	maxDepth = 32
)

// walker steps over the values in front of b.
type walker struct{ b []byte }

func (w *walker) value(kind byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: nested too deep", errThrift)
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := w.uvarint()
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftBinary:
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftList, thriftSet:
		return w.list(depth)
	case thriftMap:
		return w.dict(depth)
	case thriftStruct:
		return w.fields(depth)
	}
	return fmt.Errorf("%w: unknown type %d", errThrift, kind)
}

// fields steps over the fields of a struct and its end.
func (w *walker) fields(depth int) error {
	for {
		head, err := w.byte()
		if err != nil || head == 0 {
			return err
		}
		if head>>4 == 0 { // the field's number is not given by its distance to the last
			if _, err := w.uvarint(); err != nil {
				return err
			}
		}
		kind := head & 0x0f
		if kind == thriftTrue || kind == thriftFalse {
			continue // a field's type is its value
		}
		if err := w.value(kind, depth+1); err != nil {
			return err
		}
	}
}

func (w *walker) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 0x0f {
		if n, err = w.uvarint(); err != nil {
			return err
		}
	}
	return w.items(n, depth, head&0x0f)
}

func (w *walker) dict(depth int) error {
	n, err := w.uvarint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := w.byte()
	if err != nil {
		return err
	}
	return w.items(n, depth, kinds>>4, kinds&0x0f)
}

// items steps over n items of values of the kinds.
func (w *walker) items(n uint64, depth int, kinds ...byte) error {
	if n > uint64(len(w.b)) {
		return fmt.Errorf("%w: %d items in %d bytes", errThrift, n, len(w.b))
	}
	for range n {
		for _, kind := range kinds {
			if err := w.value(kind, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) byte() (byte, error) {
	if len(w.b) == 0 {
		return 0, fmt.Errorf("%w: cut off", errThrift)
	}
	b := w.b[0]
	w.b = w.b[1:]
	return b, nil
}

func (w *walker) uvarint() (uint64, error) {
	v, n := binary.Uvarint(w.b)
	if n <= 0 {
		return 0, fmt.Errorf("%w: cut off", errThrift)
	}
	w.b = w.b[n:]
	return v, nil
}

func (w *walker) skip(n uint64) error {
	if n > uint64(len(w.b)) {
		return fmt.Errorf("%w: %d bytes where %d are left", errThrift, n, len(w.b))
	}
	w.b = w.b[n:]
	return nil
}
