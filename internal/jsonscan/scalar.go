package jsonscan

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text is the next value, a string, decoded; valid until the bytes of the cursor change.
func (c *Cursor) Text() ([]byte, error) {
	if c.Peek() != '"' {
		return nil, c.fail("%q, want a string", word(c.data[c.at:]))
	}
	n := quoted(c.data[c.at+1:])
	if n < 0 {
		c.at = len(c.data)
		return nil, c.fail("")
	}
	text := c.data[c.at+1 : c.at+n]
	for i, b := range text {
		if b == '\\' || b < ' ' || b >= utf8.RuneSelf {
			return c.decode(text, i)
		}
	}
	c.at += n + 1
	return text, nil
}

// decode is a string with escapes or bytes that are no ASCII, the first of them at from.
func (c *Cursor) decode(text []byte, from int) ([]byte, error) {
	out := append(make([]byte, 0, len(text)), text[:from]...)
	for i := from; i < len(text); {
		if b := text[i]; b == '\\' && i+1 < len(text) && text[i+1] == '\\' { // as compressed run lengths have
			out, i = append(out, '\\'), i+2
		} else if b >= ' ' && b < utf8.RuneSelf && b != '\\' {
			out, i = append(out, b), i+1
		} else {
			// Rare: the rest is left to the library.
			var rest string
			quoted := append(append([]byte{'"'}, text[i:]...), '"')
			if err := json.Unmarshal(quoted, &rest); err != nil {
				return nil, c.fail("a string of %d bytes: %v", len(text), err)
			}
			out, i = append(out, rest...), len(text)
		}
	}
	c.at += len(text) + 2
	return out, nil
}

// String is the next value, a string.
func (c *Cursor) String() (string, error) {
	b, err := c.Text()
	return string(b), err
}

// Bool is the next value, true or false.
func (c *Cursor) Bool() (bool, error) {
	b := c.Peek()
	if b != 't' && b != 'f' {
		return false, c.fail("%q, want true or false", word(c.data[c.at:]))
	}
	return b == 't', c.literal()
}

// number is a number by parts: negative, mantissa * 10^exponent where exact, and its extent.
type number struct {
	text     []byte
	mantissa uint64
	exponent int
	negative bool
	exact    bool // mantissa holds all digits
}

// digits reads digits into the mantissa of a number and says how many there are.
func (c *Cursor) digits(n *number) int {
	from, i := c.at, c.at
	m := n.mantissa
	for ; i < len(c.data); i++ {
		d := c.data[i] - '0'
		if d > 9 {
			break
		}
		m = m*10 + uint64(d)
	}
	n.mantissa = m
	c.at = i
	return i - from
}

// number reads the next value, a number.
func (c *Cursor) number() (n number, err error) {
	if !c.IsNumber() {
		return n, c.fail("%q, want a number", word(c.data[c.at:]))
	}
	from := c.at
	if n.negative = c.data[c.at] == '-'; n.negative {
		c.at++
	}
	leading := c.here() == '0'
	total := c.digits(&n)
	if total == 0 || leading && total > 1 {
		c.at = min(c.at, from+1)
		return n, c.fail("this is no number")
	}
	if c.here() == '.' {
		c.at++
		places := c.digits(&n)
		if places == 0 {
			return n, c.fail("a number with a point and no digit after it")
		}
		total += places
		n.exponent = -places
	}
	if b := c.here(); b == 'e' || b == 'E' {
		if err := c.power(&n); err != nil {
			return n, err
		}
	}
	if c.at == len(c.data) && c.more {
		return n, errShort
	}
	n.text = c.data[from:c.at]
	n.exact = total <= 19 // below 10^19 < 2^64
	return n, nil
}

// power reads the exponent of a number.
func (c *Cursor) power(n *number) error {
	c.at++
	sign := 1
	switch c.here() {
	case '-':
		sign = -1
		c.at++
	case '+':
		c.at++
	}
	var e number
	from := c.at
	if c.digits(&e) == 0 {
		return c.fail("a number with an empty exponent")
	}
	if c.at-from > 4 {
		e.mantissa = 9999
	}
	n.exponent += sign * int(e.mantissa)
	return nil
}

// Powers of ten that a float64 holds exactly.
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// Float is the next value, a number, rounded to nearest. One that no float64 reaches is an error.
func (c *Cursor) Float() (float64, error) {
	n, err := c.number()
	if err != nil {
		return 0, err
	}
	// Both are exact, so one rounding gives the nearest (Clinger 1990, "How to read floating point numbers accurately").
	if n.exact && n.mantissa < 1<<53 && n.exponent >= 1-len(powers) && n.exponent < len(powers) {
		f := float64(n.mantissa)
		if n.exponent < 0 {
			f /= powers[-n.exponent]
		} else {
			f *= powers[n.exponent]
		}
		if n.negative {
			f = -f
		}
		return f, nil
	}
	f, err := strconv.ParseFloat(string(n.text), 64)
	if err != nil {
		return 0, &SyntaxError{c.Offset() - int64(len(n.text)), "the number " + short(n.text) + " is out of range"}
	}
	return f, nil
}

// Int is the next value, a number without a fraction; 7.0 and 7e0 are 7.
func (c *Cursor) Int() (int64, error) {
	n, err := c.number()
	if err != nil {
		return 0, err
	}
	if n.exponent == 0 && n.exact && n.mantissa <= math.MaxInt64 {
		if n.negative {
			return -int64(n.mantissa), nil
		}
		return int64(n.mantissa), nil
	}
	f, err := strconv.ParseFloat(string(n.text), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, &SyntaxError{c.Offset() - int64(len(n.text)), "the number " + short(n.text) + " is no integer, or out of range"}
	}
	return int64(f), nil
}

// TryInt is the next value where it is an integer; anything else is skipped, and ok is false.
func (c *Cursor) TryInt() (v int64, ok bool, err error) {
	if !c.IsNumber() {
		return 0, false, c.Skip()
	}
	from := c.at
	if v, err = c.Int(); err == nil {
		return v, true, nil
	}
	c.at = from
	return 0, false, c.Skip()
}

// TryFloat is the next value where it is a number; anything else is skipped, and ok is false.
func (c *Cursor) TryFloat() (v float64, ok bool, err error) {
	if !c.IsNumber() {
		return 0, false, c.Skip()
	}
	from := c.at
	if v, err = c.Float(); err == nil {
		return v, true, nil
	}
	c.at = from
	return 0, false, c.Skip()
}

// TryString is the next value where it is a string; anything else is skipped, and ok is false.
func (c *Cursor) TryString() (v string, ok bool, err error) {
	if c.Peek() != '"' {
		return "", false, c.Skip()
	}
	v, err = c.String()
	return v, err == nil, err
}

// short is the beginning of a text.
func short(b []byte) string {
	if len(b) > 40 {
		return strings.ToValidUTF8(string(b[:40]), "?") + "..."
	}
	return string(b)
}

// Floats appends the elements of an array of numbers.
func (c *Cursor) Floats(dst []float64) ([]float64, error) {
	more, err := c.open('[', ']')
	for more && err == nil {
		var f float64
		if f, err = c.Float(); err != nil {
			return dst, err
		}
		dst = append(dst, f)
		more, err = c.next(']')
	}
	return dst, err
}

// Ints appends the elements of an array of integers.
func (c *Cursor) Ints(dst []int64) ([]int64, error) {
	more, err := c.open('[', ']')
	for more && err == nil {
		var n int64
		if n, err = c.Int(); err != nil {
			return dst, err
		}
		dst = append(dst, n)
		more, err = c.next(']')
	}
	return dst, err
}
