package mask

import (
	"fmt"
	"math"

	"github.com/micropq/micropq/schemas"
)

// COCO is the mask over a whole image of h rows and w columns as the COCO annotation format
// has it: uncompressed counts. What lies outside the image is left out.
func (m Mask) COCO(h, w int) []int64 {
	return m.Counts(image(h, w), ColumnMajor)
}

// FromCOCO is the mask of uncompressed COCO counts over an image of h rows and w columns.
func FromCOCO(counts []int64, h, w int) (Mask, error) {
	if h < 0 || w < 0 || h > math.MaxInt32 || w > math.MaxInt32 {
		return nil, &CountsError{-1, fmt.Sprintf("no image has %d rows and %d columns", h, w)}
	}
	return FromCounts(counts, image(h, w), ColumnMajor)
}

func image(h, w int) schemas.BBox {
	return schemas.BBox{Z1: 1, Y1: int32(h), X1: int32(w)}
}

// Compressed counts are written as pycocotools does (cocoapi, common/maskApi.c): from the
// fourth on, each count less the one two before it, in groups of five bits, least first, each
// group one character from '0' on, its sixth bit set where another follows; the highest bit
// of the last group is the sign.
const (
	groupBits = 5
	groupMore = 1 << groupBits       // another group follows
	groupSign = 1 << (groupBits - 1) // in the last group: the number is negative
	groupZero = '0'
	maxGroups = 13 // 65 bits: no int64 takes more
)

// CompressCounts is counts as the string of a compressed COCO RLE.
func CompressCounts(counts []int64) string {
	b := make([]byte, 0, 3*len(counts))
	for i, n := range counts {
		if i > 2 {
			n -= counts[i-2]
		}
		for more := true; more; {
			group := byte(n & (groupMore - 1))
			n >>= groupBits
			if group&groupSign != 0 {
				more = n != -1
			} else {
				more = n != 0
			}
			if more {
				group |= groupMore
			}
			b = append(b, group+groupZero)
		}
	}
	return string(b)
}

// ExpandCounts is the counts of the string of a compressed COCO RLE. It refuses, with a
// *[CountsError], a character that is none of the code, a string that ends within a count, and
// a count that is negative or past 2^63-1.
func ExpandCounts(s string) ([]int64, error) {
	return AppendCounts(make([]int64, 0, len(s)/2+1), s)
}

// AppendCounts is [ExpandCounts] into memory that is there: dst, which must be empty.
func AppendCounts[T string | []byte](dst []int64, s T) ([]int64, error) {
	counts := dst
	for p := 0; p < len(s); {
		var n int64
		size := 1
		if group := s[p] - groupZero; group < groupSign { // of one group and positive, as most are
			n = int64(group)
		} else {
			var err string
			if n, size, err = readGroups(s[p:]); err != "" {
				return nil, &CountsError{len(counts), fmt.Sprintf("at character %d: %s", p, err)}
			}
		}
		if i := len(counts); i > 2 {
			before := counts[i-2]
			if n > 0 && before > math.MaxInt64-n {
				return nil, &CountsError{i, "it is past 2^63-1"}
			}
			n += before
		}
		if n < 0 {
			return nil, &CountsError{len(counts), fmt.Sprintf("%d is negative", n)}
		}
		counts = append(counts, n)
		p += size
	}
	return counts, nil
}

// readGroups reads one number and says how many characters it took, or what is wrong.
func readGroups[T string | []byte](s T) (n int64, size int, problem string) {
	for i := range len(s) {
		group := int64(s[i]) - groupZero
		switch {
		case group < 0 || group >= 2*groupMore:
			return 0, 0, fmt.Sprintf("%q is no character of a compressed RLE", s[i])
		case i == maxGroups-1 && group > 7 && (group < 24 || group >= groupMore): // not four bits and their sign
			return 0, 0, "the number has more than 64 bits"
		}
		shift := groupBits * i
		n |= (group & (groupMore - 1)) << shift
		if group&groupMore != 0 {
			continue
		}
		if group&groupSign != 0 && shift+groupBits < 64 {
			n |= -1 << (shift + groupBits)
		}
		return n, i + 1, ""
	}
	return 0, 0, "the string ends within a number"
}
