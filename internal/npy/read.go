package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// ErrFormat is a file that does not begin as a .npy file does.
var ErrFormat = errors.New("not a .npy file")

// Magic is how every .npy file begins.
const Magic = "\x93NUMPY"

// maxHeader bounds the dictionary: it holds a type and a shape, no more.
const maxHeader = 1 << 16

// Layout is what the header of a file says of the elements after it.
type Layout struct {
	DType     schemas.DType
	Shape     []int
	Fortran   bool // the first axis varies fastest
	BigEndian bool
	Size      int64 // bytes of the header; the elements begin there
}

// ReadHeader reads a header of version 1, 2 or 3. Structured types, strings and objects are
// refused, as is a shape whose bytes would not fit in an int.
func ReadHeader(r io.Reader) (l Layout, err error) {
	var start [12]byte
	if _, err := io.ReadFull(r, start[:10]); err != nil || string(start[:6]) != Magic {
		return l, fmt.Errorf("%w: it begins with %q", ErrFormat, start[:6])
	}
	size, length := int64(10), int64(binary.LittleEndian.Uint16(start[8:]))
	switch start[6] {
	case 1:
	case 2, 3:
		if _, err := io.ReadFull(r, start[10:]); err != nil {
			return l, fmt.Errorf("npy header: %w", io.ErrUnexpectedEOF)
		}
		size, length = 12, int64(binary.LittleEndian.Uint32(start[8:]))
	default:
		return l, fmt.Errorf("npy version %d.%d: want 1, 2 or 3", start[6], start[7])
	}
	if length > maxHeader {
		return l, fmt.Errorf("npy header: %d bytes are too many, the limit is %d", length, maxHeader)
	}
	dict := make([]byte, length)
	if _, err := io.ReadFull(r, dict); err != nil {
		return l, fmt.Errorf("npy header: %w", io.ErrUnexpectedEOF)
	}
	l.Size = size + length
	return l, l.parse(string(dict))
}

// The three entries of the dictionary, as numpy writes them.
var (
	descrEntry   = regexp.MustCompile(`'descr'\s*:\s*'([<>|=]?)([a-zA-Z])(\d+)'`)
	fortranEntry = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapeEntry   = regexp.MustCompile(`'shape'\s*:\s*\(([\d\s,L]*)\)`)
)

var kinds = map[string]string{"b": "bool", "u": "uint", "i": "int", "f": "float"}

func (l *Layout) parse(dict string) error {
	descr, fortran, shape := descrEntry.FindStringSubmatch(dict), fortranEntry.FindStringSubmatch(dict), shapeEntry.FindStringSubmatch(dict)
	if descr == nil || fortran == nil || shape == nil {
		return fmt.Errorf("npy header %q: want descr of a plain number type, fortran_order and shape", strings.TrimSpace(dict))
	}
	size, _ := strconv.Atoi(descr[3])
	name := kinds[descr[2]]
	if name != "bool" {
		name += strconv.Itoa(8 * size)
	}
	var err error
	if l.DType, err = schemas.ParseDType(name); err != nil || l.DType.Size() != size {
		return fmt.Errorf("npy type %s%s%s: want a bool, an integer or a float", descr[1], descr[2], descr[3])
	}
	l.BigEndian = descr[1] == ">" && size > 1
	l.Fortran = fortran[1] == "True"
	total := size
	for part := range strings.SplitSeq(shape[1], ",") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "L")
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n > 0 && total > (1<<62)/n {
			return fmt.Errorf("npy shape (%s): it is too large", shape[1])
		}
		if n > 0 {
			total *= n
		}
		l.Shape = append(l.Shape, n)
	}
	return nil
}
