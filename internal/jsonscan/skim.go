package jsonscan

import "bytes"

// Bytes that matter to where a value ends.
const (
	plain byte = iota
	opens
	closes
	quotes
)

var classes = [256]byte{'{': opens, '[': opens, '}': closes, ']': closes, '"': quotes}

// Skim moves past the next value and looks no closer than it takes to find its end: brackets are counted, not
// paired.
func (c *Cursor) Skim() error {
	switch b := c.Peek(); b {
	case '{', '[':
	default:
		return c.Skip()
	}
	data, i := c.data, c.at
	for depth := 0; i < len(data); {
		// Numbers and what separates them, eight bytes at a time.
		for len(data)-i >= 8 {
			b := data[i : i+8 : i+8]
			if classes[b[0]]|classes[b[1]]|classes[b[2]]|classes[b[3]]|classes[b[4]]|classes[b[5]]|classes[b[6]]|classes[b[7]] != plain {
				break
			}
			i += 8
		}
		for i < len(data) && classes[data[i]] == plain {
			i++
		}
		if i == len(data) {
			break
		}
		switch classes[data[i]] {
		case opens:
			depth++
		case closes:
			if depth--; depth == 0 {
				c.at = i + 1
				return nil
			}
		case quotes:
			n := quoted(data[i+1:])
			if n < 0 {
				i = len(data)
				continue
			}
			i += n
		}
		i++
	}
	c.at = i
	return c.fail("")
}

// quoted is the length of a string, its last quotation mark included and the first one not; -1 where it does not end.
func quoted(b []byte) int {
	for from := 0; ; {
		n := bytes.IndexByte(b[from:], '"')
		if n < 0 {
			return -1
		}
		n += from
		escapes := 0
		for n-escapes > from && b[n-escapes-1] == '\\' {
			escapes++
		}
		from = n + 1
		if escapes%2 == 0 {
			return from
		}
	}
}
