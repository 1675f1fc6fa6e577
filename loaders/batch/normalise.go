package batch

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/schemas"
)

// Normalisation is what became of the channels of an image array of a source, as [Transform] defines it.
type Normalisation struct {
	Source int       `json:"source"`
	Array  string    `json:"array"`
	Offset []float64 `json:"offset"` // of each channel
	Scale  []float64 `json:"scale"`
	// Low and High are nil where values are not clipped.
	Low  []float64 `json:"low,omitempty"`
	High []float64 `json:"high,omitempty"`
}

// mapping turns the elements of an image array into those of a tensor.
type mapping struct {
	Normalisation
	from, to schemas.DType
	last     bool // channels are the last axis, else the first
	// tables hold what becomes of every value of a type of 2 bytes or less, a table a channel.
	tables [][]byte
}

// newMapping checks the transform against an array; ranges are those of the percentiles.
func newMapping(t *Transform, from schemas.DType, channels int, ranges [][2]float64) (*mapping, error) {
	m := &mapping{from: from, to: t.dtype(from)}
	for c := range channels {
		offset, scale := 0.0, 1.0
		switch {
		case len(t.Range) > 0:
			offset, scale = t.Range[0], t.Range[1]-t.Range[0]
			m.Low, m.High = append(m.Low, t.Range[0]), append(m.High, t.Range[1])
		case len(t.Percentiles) > 0:
			low, high := ranges[c][0], ranges[c][1]
			offset, scale = low, high-low
			if scale == 0 {
				scale = 1
			}
			m.Low, m.High = append(m.Low, low), append(m.High, high)
		default:
			var err error
			if offset, err = ofChannel(t.Offset, c, channels, 0); err != nil {
				return nil, fmt.Errorf("offset: %w", err)
			}
			if scale, err = ofChannel(t.Scale, c, channels, 1); err != nil {
				return nil, fmt.Errorf("scale: %w", err)
			}
		}
		m.Offset, m.Scale = append(m.Offset, offset), append(m.Scale, scale)
	}
	if from.Size() <= 2 {
		m.tabulate(channels)
	}
	return m, nil
}

func ofChannel(values []float64, c, channels int, otherwise float64) (float64, error) {
	switch len(values) {
	case 0:
		return otherwise, nil
	case 1:
		return values[0], nil
	case channels:
		return values[c], nil
	}
	return 0, fmt.Errorf("%d numbers for %d channels: want one, or one a channel", len(values), channels)
}

// tabulate computes what becomes of every value. Channels that are treated alike share a table.
func (m *mapping) tabulate(channels int) {
	in, out := m.from.Size(), m.to.Size()
	for c := range channels {
		if c > 0 && m.same(c, c-1) {
			m.tables = append(m.tables, m.tables[c-1])
			continue
		}
		table := make([]byte, 0, out<<(8*in))
		var element [8]byte
		for bits := range 1 << (8 * in) {
			binary.LittleEndian.PutUint16(element[:], uint16(bits))
			table = appendNumber(table, m.to, m.of(elem.Float(element[:], m.from), c))
		}
		m.tables = append(m.tables, table)
	}
}

func (m *mapping) same(a, b int) bool {
	return m.Offset[a] == m.Offset[b] && m.Scale[a] == m.Scale[b] && (m.Low == nil || m.Low[a] == m.Low[b] && m.High[a] == m.High[b])
}

// of is what becomes of a value of a channel.
func (m *mapping) of(v float64, c int) float64 {
	if m.Low != nil {
		v = min(max(v, m.Low[c]), m.High[c]) // NaN stays NaN
	}
	return (v - m.Offset[c]) / m.Scale[c]
}

// apply fills dst, of type to, with what becomes of src, of type from; both are dense.
func (m *mapping) apply(dst, src []byte) {
	channels := len(m.Offset)
	in, out := m.from.Size(), m.to.Size()
	if !m.last {
		n := len(src) / in / channels
		for c := range channels {
			m.run(dst[c*n*out:][:n*out], src[c*n*in:][:n*in], c, 1)
		}
		return
	}
	for c := range channels {
		m.run(dst[c*out:], src[c*in:], c, channels)
	}
}

// run maps every step-th element.
func (m *mapping) run(dst, src []byte, c, step int) {
	in, out := m.from.Size(), m.to.Size()
	ahead, behind := step*in, step*out
	if m.tables == nil {
		for i, o := 0, 0; i < len(src); i, o = i+ahead, o+behind {
			appendNumber(dst[o:o], m.to, m.of(elem.Float(src[i:], m.from), c))
		}
		return
	}
	table := m.tables[c]
	switch {
	case in == 2 && out == 4:
		for i, o := 0, 0; i+2 <= len(src); i, o = i+ahead, o+behind {
			*(*[4]byte)(dst[o:]) = *(*[4]byte)(table[4*int(binary.LittleEndian.Uint16(src[i:])):])
		}
	case in == 1 && out == 4:
		for i, o := 0, 0; i < len(src); i, o = i+ahead, o+behind {
			*(*[4]byte)(dst[o:]) = *(*[4]byte)(table[4*int(src[i]):])
		}
	default:
		for i, o := 0, 0; i < len(src); i, o = i+ahead, o+behind {
			v := int(src[i])
			if in == 2 {
				v = int(binary.LittleEndian.Uint16(src[i:]))
			}
			copy(dst[o:o+out], table[v*out:])
		}
	}
}

// appendNumber appends the element of type d that is nearest to v.
func appendNumber(b []byte, d schemas.DType, v float64) []byte {
	le, bits := binary.LittleEndian, 8*d.Size()
	switch d {
	case schemas.Float16:
		return le.AppendUint16(b, half.FromFloat64(v))
	case schemas.Float32:
		return le.AppendUint32(b, math.Float32bits(float32(v)))
	case schemas.Float64:
		return le.AppendUint64(b, math.Float64bits(v))
	}
	v = math.RoundToEven(v)
	if v != v {
		v = 0
	}
	var u uint64
	if d.Signed() {
		limit := math.Ldexp(1, bits-1)
		if v >= limit {
			u = 1<<(bits-1) - 1
		} else {
			u = uint64(int64(max(v, -limit)))
		}
	} else if v >= math.Ldexp(1, bits) {
		u = math.MaxUint64
	} else {
		u = uint64(max(v, 0))
	}
	switch bits {
	case 8:
		return append(b, byte(u))
	case 16:
		return le.AppendUint16(b, uint16(u))
	case 32:
		return le.AppendUint32(b, uint32(u))
	}
	return le.AppendUint64(b, u)
}
