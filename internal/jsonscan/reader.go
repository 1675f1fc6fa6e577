package jsonscan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Reader reads values from a stream through a window.
type Reader struct {
	c     Cursor
	src   io.Reader
	limit int
}

// ErrTooLong is a value that is longer than a reader may hold.
var ErrTooLong = errors.New("a value is longer than the limit")

const byteOrderMark = "\ufeff"

// window is how much is read at a time.
const window = 1 << 20

// NewReader reads src. No single value that is handed out, and no string, may be longer than limit
// bytes. A byte order mark is passed over.
func NewReader(src io.Reader, limit int) *Reader {
	limit = max(limit, 16)
	return &Reader{src: src, limit: limit, c: Cursor{data: make([]byte, 0, min(window, limit)), more: true}}
}

// Offset is where the reader stands.
func (r *Reader) Offset() int64 { return r.c.Offset() }

// fill reads more into the window, from which what was read before is dropped.
func (r *Reader) fill() error {
	c := &r.c
	kept := copy(c.data[:cap(c.data)], c.data[c.at:])
	c.base, c.at, c.data = c.base+int64(c.at), 0, c.data[:kept]
	if kept == cap(c.data) {
		if kept >= r.limit {
			return fmt.Errorf("at byte %d: %w of %d bytes", c.base, ErrTooLong, r.limit)
		}
		c.data = append(make([]byte, 0, min(2*kept, r.limit)), c.data...)
	}
	first := c.base == 0 && kept == 0
	least := 1
	if first {
		least = len(byteOrderMark)
	}
	n, err := io.ReadAtLeast(r.src, c.data[kept:cap(c.data)], least)
	c.data = c.data[:kept+n]
	if first && bytes.HasPrefix(c.data, []byte(byteOrderMark)) {
		c.at = len(byteOrderMark)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		c.more = false
		return nil
	}
	return err
}

// try parses at the cursor, again from the same place where the window was too short.
func (r *Reader) try(parse func(c *Cursor) error) error {
	for {
		mark := r.c.Mark()
		err := parse(&r.c)
		if !errors.Is(err, errShort) {
			return err
		}
		r.c.Reset(mark)
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// Peek is the first byte of the next value or punctuation, 0 at the end.
func (r *Reader) Peek() (b byte, err error) {
	err = r.try(func(c *Cursor) error {
		if b = c.Peek(); b == 0 && c.more {
			return errShort
		}
		return nil
	})
	return b, err
}

// Object hands out the keys of an object; member must read or skip the value of each.
func (r *Reader) Object(member func(key string) error) error {
	return r.members('{', '}', func() error {
		var key string
		err := r.try(func(c *Cursor) (err error) {
			if key, err = c.String(); err != nil {
				return err
			}
			return c.want(':')
		})
		if err != nil {
			return err
		}
		return member(key)
	})
}

// Array calls element for each element of an array, with a cursor at its beginning that it must move to its end. An
// element that the window does not hold whole is given to it again, from its beginning.
func (r *Reader) Array(element func(c *Cursor) error) error {
	return r.members('[', ']', func() error {
		return r.try(func(c *Cursor) error {
			c.Peek()
			return element(c)
		})
	})
}

func (r *Reader) members(begin, end byte, member func() error) error {
	var more bool
	err := r.try(func(c *Cursor) (err error) {
		more, err = c.open(begin, end)
		return err
	})
	for more && err == nil {
		if err = member(); err != nil {
			return err
		}
		err = r.try(func(c *Cursor) (err error) {
			more, err = c.next(end)
			return err
		})
	}
	return err
}

// Value parses the next value, which the window holds whole; parse may be called again.
func (r *Reader) Value(parse func(c *Cursor) error) error { return r.try(parse) }

// Skip moves past the next value, which may be of any length, and checks all of it.
func (r *Reader) Skip() error {
	b, err := r.Peek()
	switch {
	case err != nil:
		return err
	case b == '{':
		return r.Object(func(string) error { return r.Skip() })
	case b == '[':
		return r.members('[', ']', r.Skip)
	}
	return r.try((*Cursor).Skip)
}

// End reports an error where anything but white space follows.
func (r *Reader) End() error {
	if b, err := r.Peek(); err != nil || b == 0 {
		return err
	}
	return r.c.End()
}
