package inflate

// order is how code length codes are stored (RFC 1951, 3.2.7).
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// fixed are the code lengths of a block with fixed codes (RFC 1951, 3.2.6).
var fixed = func() (lengths [litCodes + distCodes]uint8) {
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		case i < litCodes:
			lengths[i] = 8
		default:
			lengths[i] = 5
		}
	}
	return lengths
}()

// header takes the header of a block.
func (d *decoder) header() error {
	v, err := d.bits(3)
	if err != nil {
		return err
	}
	d.last = v&1 != 0
	switch v >> 1 {
	case 0:
		return d.storedHeader()
	case 1:
		return d.codes(fixed[:litCodes], fixed[litCodes:])
	case 2:
		return d.codesHeader()
	}
	return ErrCorrupt
}

func (d *decoder) storedHeader() error {
	d.drop(d.held & 7)
	n, err := d.bits(16)
	if err != nil {
		return err
	}
	inverse, err := d.bits(16)
	if err != nil {
		return err
	}
	if n != inverse^0xffff {
		return ErrCorrupt
	}
	d.unread()
	d.state, d.left = inStored, int(n)
	return nil
}

// codesHeader takes the code lengths of a block with codes of its own.
func (d *decoder) codesHeader() error {
	v, err := d.bits(14)
	if err != nil {
		return err
	}
	nLit, nDist, nLengths := int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if nLit > 286 || nDist > 30 {
		return ErrCorrupt
	}
	var coded [19]uint8
	for _, i := range order[:nLengths] {
		n, err := d.bits(3)
		if err != nil {
			return err
		}
		coded[i] = uint8(n)
	}
	var lengths [litCodes + distCodes]uint8
	if err := d.lengths(lengths[:nLit+nDist], coded[:]); err != nil {
		return err
	}
	if lengths[256] == 0 { // the block could not end
		return ErrCorrupt
	}
	return d.codes(lengths[:nLit], lengths[nLit:nLit+nDist])
}

// lengthBits is the longest code of a code length.
const lengthBits = 7

// lengths takes code lengths that are themselves coded, with repetitions.
func (d *decoder) lengths(out, coded []uint8) error {
	var table [1 << lengthBits]entry
	if !build(table[:], lengthBits, coded, func(symbol int) entry { return kindOne | entry(symbol)<<16 }) {
		return ErrCorrupt
	}
	for i := 0; i < len(out); {
		e, _, err := d.code(table[:], lengthBits)
		if err != nil {
			return err
		}
		symbol, again := uint8(e>>16), uint(0)
		var n uint
		switch {
		case symbol < 16:
			out[i] = symbol
			i++
			continue
		case symbol == 16 && i > 0:
			symbol, n = out[i-1], 3
			again, err = d.bits(2)
		case symbol == 17:
			symbol, n = 0, 3
			again, err = d.bits(3)
		case symbol == 18:
			symbol, n = 0, 11
			again, err = d.bits(7)
		default:
			return ErrCorrupt
		}
		if err != nil {
			return err
		}
		if n += again; int(n) > len(out)-i {
			return ErrCorrupt
		}
		for range n {
			out[i] = symbol
			i++
		}
	}
	return nil
}

// codes builds the tables of a block.
func (d *decoder) codes(lit, dist []uint8) error {
	if !build(d.lit[:], litBits, lit, litEntry) || !build(d.dist[:], distBits, dist, distEntry) {
		return ErrCorrupt
	}
	pair(d.lit[:], litBits)
	d.state = inCodes
	return nil
}
