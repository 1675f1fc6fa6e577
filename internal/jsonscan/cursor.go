package jsonscan

import (
	"errors"
	"fmt"
)

// SyntaxError is where a text is no JSON, or not the JSON that was asked for.
type SyntaxError struct {
	Offset int64
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }

// errShort says that a value goes on after the bytes at hand.
var errShort = errors.New("the text ends within a value")

// maxDepth bounds values in each other.
const maxDepth = 1000

// Cursor reads values from bytes in memory.
type Cursor struct {
	data  []byte
	at    int
	base  int64 // offset of data[0]
	depth int
	more  bool // there may be bytes after data
}

// NewCursor is a cursor at the beginning of data, which lies at an offset of a stream.
func NewCursor(data []byte, offset int64) *Cursor { return &Cursor{data: data, base: offset} }

// Offset is where the cursor stands in the stream.
func (c *Cursor) Offset() int64 { return c.base + int64(c.at) }

// Mark is a place that a cursor can go back to, until its bytes change.
type Mark struct{ at, depth int }

// Mark is where the cursor stands.
func (c *Cursor) Mark() Mark { return Mark{c.at, c.depth} }

// Reset moves back to a mark.
func (c *Cursor) Reset(m Mark) { c.at, c.depth = m.at, m.depth }

// fail is an error at the cursor; at the end of what there is, that there is no more.
func (c *Cursor) fail(format string, args ...any) error {
	if c.at >= len(c.data) {
		if c.more {
			return errShort
		}
		return &SyntaxError{c.Offset(), errShort.Error()}
	}
	return &SyntaxError{c.Offset(), fmt.Sprintf(format, args...)}
}

// Peek is the first byte of the next value or punctuation, 0 at the end.
func (c *Cursor) Peek() byte {
	if c.at < len(c.data) && c.data[c.at] > ' ' {
		return c.data[c.at]
	}
	return c.space()
}

// space moves past white space.
func (c *Cursor) space() byte {
	for c.at < len(c.data) {
		switch b := c.data[c.at]; b {
		case ' ', '\n', '\t', '\r':
			c.at++
		default:
			return max(b, 1) // NUL begins no JSON either, and is not the end
		}
	}
	return 0
}

// IsNumber reports whether the next value is a number.
func (c *Cursor) IsNumber() bool {
	b := c.Peek()
	return b == '-' || b >= '0' && b <= '9'
}

// want moves past a byte of punctuation.
func (c *Cursor) want(b byte) error {
	if c.Peek() != b {
		return c.fail("%q, want %q", c.here(), b)
	}
	c.at++
	return nil
}

// here is the byte at the cursor.
func (c *Cursor) here() byte {
	if c.at < len(c.data) {
		return c.data[c.at]
	}
	return 0
}

// open moves past the bracket that begins an object or array and reports whether it has members.
func (c *Cursor) open(begin, end byte) (bool, error) {
	if err := c.want(begin); err != nil {
		return false, err
	}
	switch c.Peek() {
	case end:
		c.at++
		return false, nil
	case 0:
		return false, c.fail("")
	}
	if c.depth++; c.depth > maxDepth {
		return false, c.fail("values are nested more than %d deep", maxDepth)
	}
	return true, nil
}

// next moves past the comma before another member, or past the bracket that ends the value.
func (c *Cursor) next(end byte) (bool, error) {
	switch c.Peek() {
	case ',':
		c.at++
		return true, nil
	case end:
		c.at++
		c.depth--
		return false, nil
	}
	return false, c.fail("%q, want ',' or %q", c.here(), end)
}

// Object hands out the keys of an object; member must read, skip or skim the value of each. The key is valid
// until then.
func (c *Cursor) Object(member func(key []byte) error) error {
	more, err := c.open('{', '}')
	for more && err == nil {
		var key []byte
		if key, err = c.Text(); err != nil {
			return err
		}
		if err = c.want(':'); err != nil {
			return err
		}
		if err = member(key); err != nil {
			return err
		}
		more, err = c.next('}')
	}
	return err
}

// Array calls element at each element of an array, which it must read, skip or skim.
func (c *Cursor) Array(element func() error) error {
	more, err := c.open('[', ']')
	for more && err == nil {
		if err = element(); err != nil {
			return err
		}
		more, err = c.next(']')
	}
	return err
}

// Null moves past a null and reports whether there was one.
func (c *Cursor) Null() bool {
	if c.Peek() == 'n' && len(c.data)-c.at >= 4 && string(c.data[c.at:c.at+4]) == "null" {
		c.at += 4
		return true
	}
	return false
}

// literals by their first byte.
var literals = map[byte]string{'t': "true", 'f': "false", 'n': "null"}

func (c *Cursor) literal() error {
	want := literals[c.Peek()]
	have := c.data[c.at:min(len(c.data), c.at+len(want))]
	switch {
	case want != "" && string(have) == want:
		c.at += len(want)
		return nil
	case want != "" && c.more && string(have) == want[:len(have)]:
		return errShort
	}
	return c.fail("%q is no JSON: want a value", word(c.data[c.at:]))
}

// word is what stands at the beginning of a text, such as a NaN of Python's.
func word(b []byte) string {
	n := 0
	for n < len(b) && n < 12 && (b[n] >= 'a' && b[n] <= 'z' || b[n] >= 'A' && b[n] <= 'Z' || n == 0) {
		n++
	}
	return string(b[:n])
}

// Skip moves past the next value and checks all of it.
func (c *Cursor) Skip() error {
	switch b := c.Peek(); {
	case b == '{':
		return c.Object(func([]byte) error { return c.Skip() })
	case b == '[':
		return c.Array(c.Skip)
	case b == '"':
		_, err := c.Text()
		return err
	case c.IsNumber():
		_, err := c.number()
		return err
	}
	return c.literal()
}

// Raw is the bytes of the next value, which is skipped.
func (c *Cursor) Raw() ([]byte, error) {
	c.Peek()
	from := c.at
	err := c.Skip()
	return c.data[from:c.at], err
}

// End reports an error where anything but white space follows.
func (c *Cursor) End() error {
	if c.Peek(); c.at < len(c.data) {
		return c.fail("%q after the end of the value", c.here())
	}
	return nil
}

// Comma moves past a comma within an array and reports whether there was one, for loops over elements that are quicker
// than [Cursor.Array] alone: the element after it, or the end of the array, is read as by Array.
func (c *Cursor) Comma() bool {
	if c.Peek() == ',' {
		c.at++
		return true
	}
	return false
}
