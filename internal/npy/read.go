package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// ErrFormat is wrapped by errors of a file that is no .npy file that can be read.
var ErrFormat = errors.New("npy")

// Layout says how the elements behind a header lie.
type Layout struct {
	DType   schemas.DType
	Object  bool // the elements are one pickle of Python objects; DType is empty
	Big     bool // big-endian
	Fortran bool // the first axis is the fastest
	Shape   []int
}

// maxHeader bounds the dictionary of a header: numpy itself refuses more than 10000 bytes.
const maxHeader = 64 << 10

// ReadLayout reads the header of versions 1 to 3, and leaves r at the first element.
func ReadLayout(r io.Reader) (*Layout, error) {
	start := make([]byte, 12)
	if _, err := io.ReadFull(r, start[:10]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, noEOF(err))
	}
	if string(start[:6]) != magic[:6] {
		return nil, fmt.Errorf("%w: the file begins with %q: this is no .npy file", ErrFormat, start[:6])
	}
	size := int(binary.LittleEndian.Uint16(start[8:]))
	switch start[6] {
	case 1:
	case 2, 3:
		if _, err := io.ReadFull(r, start[10:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, noEOF(err))
		}
		size = int(binary.LittleEndian.Uint32(start[8:]))
	default:
		return nil, fmt.Errorf("%w: version %d.%d is none of 1 to 3", ErrFormat, start[6], start[7])
	}
	if size > maxHeader {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrFormat, size)
	}
	dict := make([]byte, size)
	if _, err := io.ReadFull(r, dict); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, noEOF(err))
	}
	l, err := parseDict(string(dict))
	if err != nil {
		return nil, fmt.Errorf("%w: header %.200q: %w", ErrFormat, strings.TrimSpace(string(dict)), err)
	}
	return l, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// The members of the dictionary, in any order, as numpy and every other writer spell them.
var (
	descrPattern   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([<>|=]?)([biufO])(\d*)['"]`)
	fortranPattern = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shapePattern   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([0-9, L]*)\)`)
)

func parseDict(s string) (*Layout, error) {
	descr, fortran, shape := descrPattern.FindStringSubmatch(s), fortranPattern.FindStringSubmatch(s), shapePattern.FindStringSubmatch(s)
	if descr == nil || fortran == nil || shape == nil {
		return nil, errors.New("want a plain element type, fortran_order and shape")
	}
	l := &Layout{Big: descr[1] == ">", Fortran: fortran[1] == "True", Shape: []int{}}
	if descr[2] == "O" {
		l.Object = true
	} else {
		d, err := ParseDescr(descr[2] + descr[3])
		if err != nil {
			return nil, err
		}
		l.DType = d
	}
	for part := range strings.SplitSeq(shape[1], ",") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "L")
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("shape: %w", err)
		}
		l.Shape = append(l.Shape, n)
	}
	if _, ok := nd.CheckedElements(l.Shape); !ok || len(l.Shape) > nd.MaxDims {
		return nil, fmt.Errorf("shape %v is too large", l.Shape)
	}
	return l, nil
}

// ParseDescr is the element type of an array-protocol type string without its byte order,
// such as u2.
func ParseDescr(s string) (schemas.DType, error) {
	kinds := map[byte]string{'b': "bool", 'i': "int", 'u': "uint", 'f': "float"}
	if len(s) < 2 || kinds[s[0]] == "" {
		return "", fmt.Errorf("element type %q is not supported", s)
	}
	name := kinds[s[0]]
	if s[0] != 'b' {
		n, err := strconv.Atoi(s[1:])
		if err != nil || n > 8 {
			return "", fmt.Errorf("element type %q is not supported", s)
		}
		name += strconv.Itoa(8 * n)
	} else if s != "b1" {
		return "", fmt.Errorf("element type %q is not supported", s)
	}
	return schemas.ParseDType(name)
}

// Descr is the array-protocol type string of an element type, such as <u2.
func Descr(d schemas.DType) (string, error) { return descriptor(d) }
