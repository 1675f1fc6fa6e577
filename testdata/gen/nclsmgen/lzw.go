package nclsmgen

// The codes of TIFF's LZW (TIFF 6.0, section 13): 9 to 12 bits, most significant bit first,
// each width given up one code early.
const (
	lzwClear = 256
	lzwEnd   = 257
	lzwFirst = 258
	lzwLimit = 4094 // the table is cleared before a code would need 13 bits
)

// lzwWriter packs codes.
type lzwWriter struct {
	out   []byte
	bits  uint32
	n     uint
	width uint
}

func (w *lzwWriter) code(c int) {
	w.bits = w.bits<<w.width | uint32(c)
	for w.n += w.width; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.bits>>(w.n-8)))
	}
}

// lzw compresses a strip.
func lzw(data []byte) []byte {
	w := &lzwWriter{width: 9}
	w.code(lzwClear)
	type step struct {
		prefix int
		next   byte
	}
	table, next, prefix := map[step]int{}, lzwFirst, -1
	for _, b := range data {
		if prefix < 0 {
			prefix = int(b)
			continue
		}
		if c, ok := table[step{prefix, b}]; ok {
			prefix = c
			continue
		}
		w.code(prefix)
		table[step{prefix, b}] = next
		next++
		switch {
		case next == lzwLimit:
			w.code(lzwClear)
			clear(table)
			next, w.width = lzwFirst, 9
		case next == 1<<w.width:
			w.width++
		}
		prefix = int(b)
	}
	if prefix >= 0 {
		w.code(prefix)
		if next++; next == 1<<w.width {
			w.width++
		}
	}
	w.code(lzwEnd)
	if w.n > 0 {
		w.out = append(w.out, byte(w.bits<<(8-w.n)))
	}
	return w.out
}
