package mask

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/schemas"
)

// LabelError is a value that cannot name an instance.
type LabelError struct {
	Value   string
	Z, Y, X int
	// Count is the elements of the value, the first of which is at (z, y, x); 0 where they were
	// not counted.
	Count int64
}

func (e *LabelError) Error() string {
	return fmt.Sprintf("label %s at z %d, y %d, x %d: labels are integers from 0 to 2^63-1", e.Value, e.Z, e.Y, e.X)
}

// BadLabels collects what [Scanner.Bad] is told: an error a value, of up to 100 values, the
// elements of further ones under the first that was too many.
type BadLabels struct {
	errs  []*LabelError
	index map[string]*LabelError
}

// maxBadLabels bounds the values that BadLabels tells apart.
const maxBadLabels = 100

// Add notes n elements from e on.
func (b *BadLabels) Add(e *LabelError, n int) {
	have := b.index[e.Value]
	if have == nil && len(b.errs) > maxBadLabels {
		have = b.errs[maxBadLabels]
	}
	if have == nil {
		if b.index == nil {
			b.index = map[string]*LabelError{}
		}
		have = e
		b.index[e.Value] = e
		b.errs = append(b.errs, e)
	}
	have.Count += int64(n)
}

// Errs are the errors in the order in which their values came.
func (b *BadLabels) Errs() []error {
	errs := make([]error, len(b.errs))
	for i, e := range b.errs {
		errs[i] = e
	}
	return errs
}

// ErrTooManyRuns says that an image is no label image, or does not fit in memory as one.
var ErrTooManyRuns = errors.New("the labels make too many runs: this looks like an image of intensities, not of instances")

// Scanner finds the instances of a label image: each value other than 0 names one, whatever
// pieces it has. Rows are given once, in any order of planes and rows; memory follows the
// runs of the image, not its elements. The zero value is ready. It is not safe for
// concurrent use.
type Scanner struct {
	Limit int // of runs, 0 for [MaxRuns]
	Left  int // X of the first element of every row, as in a part of an image
	// Bad, which may be nil, is told of each run of elements that cannot name an instance, and its
	// length: a negative number, a fraction. They are left out. Without it the first of them is an
	// error, and so are elements of a type other than integer and bool.
	Bad func(e *LabelError, n int)

	runs    map[int64]*Mask
	label   int64 // of last
	last    *Mask // the mask that got the last run: the next one is mostly its
	n       int
	unorder bool // some row came before one that had been given
	at      Run  // the last row given
}

// Rows scans dense rows of elements of dtype d, width elements each, little-endian, the
// first of them row y of plane z.
func (s *Scanner) Rows(data []byte, d schemas.DType, width, z, y int) error {
	row := width * d.Size()
	if !d.Label() && (s.Bad == nil || !d.Float()) {
		return fmt.Errorf("elements of type %s cannot be labels: want integers or bool", d)
	}
	if width <= 0 || len(data)%row != 0 || s.Left < 0 || width > math.MaxInt32-s.Left || y < 0 || z < 0 || y > math.MaxInt32-len(data)/row || z > math.MaxInt32-1 {
		return fmt.Errorf("%d bytes are no rows of %d elements of %s from z %d, y %d on", len(data), width, d, z, y)
	}
	if len(data) == 0 {
		return nil
	}
	first := Run{Z: int32(z), Y: int32(y)}
	if s.n > 0 && first.compare(s.at) <= 0 {
		s.unorder = true
	}
	s.at = Run{Z: first.Z, Y: first.Y + int32(len(data)/row) - 1}
	switch d {
	case schemas.Float16, schemas.Float32, schemas.Float64:
		return s.floats(data, d, row, first)
	case schemas.Bool, schemas.Uint8:
		return scanRows[uint8](s, data, row, first)
	case schemas.Int8:
		return scanRows[int8](s, data, row, first)
	case schemas.Uint16:
		return scanRows[uint16](s, data, row, first)
	case schemas.Int16:
		return scanRows[int16](s, data, row, first)
	case schemas.Uint32:
		return scanRows[uint32](s, data, row, first)
	case schemas.Int32:
		return scanRows[int32](s, data, row, first)
	case schemas.Uint64:
		return scanRows[uint64](s, data, row, first)
	}
	return scanRows[int64](s, data, row, first)
}

type integer interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64
}

// scanRows adds the runs of rows of so many bytes.
func scanRows[T integer](s *Scanner, data []byte, bytes int, at Run) error {
	for ; len(data) > 0; data = data[bytes:] {
		if err := scanRow[T](s, data[:bytes], at.Z, at.Y); err != nil {
			return err
		}
		at.Y++
	}
	return nil
}

func scanRow[T integer](s *Scanner, row []byte, z, y int32) error {
	var zero T
	size := int(unsafe.Sizeof(zero))
	ones := uint64(math.MaxUint64) / (1<<(8*size-1)<<1 - 1) // one in each element of a word
	for i := 0; i < len(row); {
		v := load(row[i:], size)
		from, word := i, v*ones
		i = runEnd(row, i+size, size, word)
		if v == 0 {
			continue
		}
		label := T(v)
		if label < 0 || uint64(label) > math.MaxInt64 {
			e := &LabelError{Value: fmt.Sprint(label), Z: int(z), Y: int(y), X: s.Left + from/size}
			if s.Bad == nil {
				return e
			}
			s.Bad(e, (i-from)/size)
			continue
		}
		if err := s.add(int64(label), Run{z, y, int32(s.Left + from/size), int32((i - from) / size)}); err != nil {
			return err
		}
	}
	return nil
}

// floats adds the runs of rows of so many bytes whose elements are floats.
func (s *Scanner) floats(data []byte, d schemas.DType, bytes int, at Run) error {
	size := d.Size()
	for ; len(data) > 0; data = data[bytes:] {
		row := data[:bytes]
		for i := 0; i < len(row); {
			from, word := i, load(row[i:], size)
			for i += size; i < len(row) && load(row[i:], size) == word; {
				i += size
			}
			v, n := float(word, d), (i-from)/size
			switch {
			case v == 0:
			case v < 0 || v != math.Trunc(v) || v >= math.MaxInt64: // and what is not a number
				s.Bad(&LabelError{Value: fmt.Sprint(v), Z: int(at.Z), Y: int(at.Y), X: s.Left + from/size}, n)
			default:
				if err := s.add(int64(v), Run{at.Z, at.Y, int32(s.Left + from/size), int32(n)}); err != nil {
					return err
				}
			}
		}
		at.Y++
	}
	return nil
}

// float is the number of bits of a type of floats.
func float(bits uint64, d schemas.DType) float64 {
	switch d {
	case schemas.Float16:
		return float64(half.Float32(uint16(bits)))
	case schemas.Float32:
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// runEnd is where the elements from i on stop to be those that word repeats. Up to 32 bytes
// are compared at a time: background and the inside of objects are most of what there is.
func runEnd(row []byte, i, size int, word uint64) int {
	for i+32 <= len(row) && differ(row[i:i+32], word) == 0 {
		i += 32
	}
	for i+8 <= len(row) {
		if d := binary.LittleEndian.Uint64(row[i:]) ^ word; d != 0 {
			return i + bits.TrailingZeros64(d)/8&^(size-1)
		}
		i += 8
	}
	if len(row) < 8 {
		for i < len(row) && load(row[i:], size) == word&(math.MaxUint64>>(64-8*size)) {
			i += size
		}
		return i
	}
	// What is left of the row is the end of its last eight bytes.
	d := (binary.LittleEndian.Uint64(row[len(row)-8:]) ^ word) >> (8 * (8 - (len(row) - i)))
	return min(len(row), i+bits.TrailingZeros64(d)/8&^(size-1))
}

// differ is 0 where the four words of b all equal word.
func differ(b []byte, word uint64) uint64 {
	_ = b[31]
	return (binary.LittleEndian.Uint64(b) ^ word) | (binary.LittleEndian.Uint64(b[8:]) ^ word) |
		(binary.LittleEndian.Uint64(b[16:]) ^ word) | (binary.LittleEndian.Uint64(b[24:]) ^ word)
}

// load is the first element of b, without sign.
func load(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func (s *Scanner) add(label int64, r Run) error {
	limit := s.Limit
	if limit == 0 {
		limit = MaxRuns
	}
	if s.n++; s.n > limit {
		return fmt.Errorf("%w (more than %d by row %d)", ErrTooManyRuns, limit, r.Y)
	}
	if s.last == nil || s.label != label {
		if s.runs == nil {
			s.runs = map[int64]*Mask{}
		}
		m := s.runs[label]
		if m == nil {
			m = new(Mask)
			s.runs[label] = m
		}
		s.last, s.label = m, label
	}
	*s.last = append(*s.last, r)
	return nil
}

// Labels are the labels seen, ascending.
func (s *Scanner) Labels() []int64 {
	labels := make([]int64, 0, len(s.runs))
	for label := range s.runs {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	return labels
}

// Instances hands out each label, ascending, with its mask, and forgets it: the runs of an
// instance can be freed as soon as it has been dealt with.
func (s *Scanner) Instances() iter.Seq2[int64, Mask] {
	return func(yield func(int64, Mask) bool) {
		s.last = nil
		for _, label := range s.Labels() {
			m := *s.runs[label]
			delete(s.runs, label)
			s.n -= len(m)
			if s.unorder {
				m = Of(m)
			}
			if !yield(label, m) {
				return
			}
		}
	}
}

// Values is Rows for labels in memory.
func (s *Scanner) Values(labels []int64, width, z, y int) error {
	if len(labels) == 0 {
		return nil
	}
	// Every platform that micropq is built for is little-endian.
	data := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(labels))), 8*len(labels))
	return s.Rows(data, schemas.Int64, width, z, y)
}
