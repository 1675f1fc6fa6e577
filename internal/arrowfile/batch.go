package arrowfile

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	flatbuffers "github.com/google/flatbuffers/go"
)

const (
	// shortBuffer is the size up to which a buffer is read with its neighbours and kept.
	shortBuffer = 1 << 20
	// maxRun bounds what is read at once of short buffers.
	maxRun = 8 << 20
	// maxGap is what is read over rather than begin another run.
	maxGap = 64 << 10
)

// span is a buffer of a record batch.
type span struct {
	offset, length int64  // in the body
	bytes          []byte // once read whole
	packed         bool   // compressed in the file
}

// vector is a column of a record batch, or what is below one.
type vector struct {
	kind     arrow.Type
	name     string // dotted path
	width    int64  // bits of an element of fixed width, elements of a list of fixed size
	length   int64
	nulls    int64
	valid    *span
	offsets  *span
	data     *span
	children []*vector
	fields   []string // names of children
}

// reader is a record batch that is being read.
type reader struct {
	file    *File
	batch   Batch
	body    int64
	codec   int // of the body: noCodec, codecLZ4 or codecZSTD
	columns []*vector
	limit   int64
	kept    int64
}

// Body compression (format/Message.fbs).
const (
	noCodec   = -1
	codecLZ4  = 0
	codecZSTD = 1
)

// open reads the metadata of a batch and the short buffers of the columns wanted.
func (f *File) open(b Batch, wanted []int, limit int64) (*reader, error) {
	m, err := f.message(b.offset)
	if err != nil {
		return nil, err
	}
	if m == nil || m.kind != kindRecordBatch {
		return nil, f.fail(b.offset, errors.New("the file changed while it was read"))
	}
	r := &reader{file: f, batch: b, body: m.body, limit: limit}
	if err := guard(func() error { return r.layout(m) }); err != nil {
		return nil, f.fail(b.offset, err)
	}
	return r, r.keepShort(wanted)
}

// layout gives every column its buffers: nodes and buffers stand in the order of a
// depth-first walk of the schema.
func (r *reader) layout(m *message) error {
	header := m.header()
	l := layouter{bodyLength: m.bodyLength}
	r.codec = noCodec
	if o := flatbuffers.UOffsetT(header.Offset(slot(3))); o != 0 {
		var c flatbuffers.Table
		c.Bytes, c.Pos = header.Bytes, header.Indirect(o+header.Pos)
		r.codec = int(c.GetInt8Slot(slot(0), 0))
		if r.codec != codecLZ4 && r.codec != codecZSTD {
			return fmt.Errorf("%w: compression %d", ErrUnsupported, r.codec)
		}
		l.packed = true
	}
	l.nodes, l.buffers = pairs(&header, 1), pairs(&header, 2)
	for _, f := range r.file.schema.Fields() {
		v, err := l.vector(f.Name, f.Type)
		if err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		if v.length < r.batch.Rows {
			return fmt.Errorf("column %s has %d rows, the batch %d", f.Name, v.length, r.batch.Rows)
		}
		r.columns = append(r.columns, v)
	}
	return nil
}

// pairs is a vector of structs of two int64.
func pairs(t *flatbuffers.Table, field int) [][2]int64 {
	o := flatbuffers.UOffsetT(t.Offset(slot(field)))
	if o == 0 {
		return nil
	}
	n, at := t.VectorLen(o), int(t.Vector(o))
	if n < 0 || n > (len(t.Bytes)-at)/16 {
		panic("a vector leaves the metadata") // in guard
	}
	out := make([][2]int64, n)
	for i := range out {
		p := t.Bytes[at+16*i:]
		out[i] = [2]int64{int64(binary.LittleEndian.Uint64(p)), int64(binary.LittleEndian.Uint64(p[8:]))}
	}
	return out
}

// layouter hands out nodes and buffers.
type layouter struct {
	nodes, buffers [][2]int64
	bodyLength     int64
	packed         bool
}

var errShort = errors.New("the record batch has fewer buffers than its schema asks for")

func (l *layouter) buffer() (*span, error) {
	if len(l.buffers) == 0 {
		return nil, errShort
	}
	b := l.buffers[0]
	l.buffers = l.buffers[1:]
	if b[0] < 0 || b[1] < 0 || b[0] > l.bodyLength || b[1] > l.bodyLength-b[0] {
		return nil, fmt.Errorf("a buffer of %d bytes at %d leaves the batch of %d", b[1], b[0], l.bodyLength)
	}
	return &span{offset: b[0], length: b[1], packed: l.packed && b[1] > 0}, nil
}

func (l *layouter) vector(name string, t arrow.DataType) (v *vector, err error) {
	if len(l.nodes) == 0 {
		return nil, errShort
	}
	v = &vector{kind: t.ID(), name: name, length: l.nodes[0][0], nulls: l.nodes[0][1]}
	l.nodes = l.nodes[1:]
	if v.length < 0 || v.nulls < 0 || v.nulls > v.length {
		return nil, fmt.Errorf("%d nulls in %d rows", v.nulls, v.length)
	}
	if v.kind == arrow.NULL {
		return v, nil
	}
	if v.valid, err = l.buffer(); err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case arrow.BinaryDataType:
		if v.offsets, err = l.buffer(); err == nil {
			v.data, err = l.buffer()
		}
	case *arrow.ListType:
		err = l.list(v, t.ElemField())
	case *arrow.LargeListType:
		err = l.list(v, t.ElemField())
	case *arrow.FixedSizeListType:
		v.width = int64(t.Len())
		err = l.child(v, t.ElemField())
	case *arrow.StructType:
		for _, f := range t.Fields() {
			if err := l.child(v, f); err != nil {
				return nil, err
			}
		}
	case arrow.FixedWidthDataType:
		v.width = int64(t.BitWidth())
		v.data, err = l.buffer()
	default:
		return nil, fmt.Errorf("%w: Arrow type %s", ErrUnsupported, t)
	}
	return v, err
}

func (l *layouter) list(v *vector, elem arrow.Field) (err error) {
	if v.offsets, err = l.buffer(); err != nil {
		return err
	}
	return l.child(v, elem)
}

func (l *layouter) child(v *vector, f arrow.Field) error {
	c, err := l.vector(v.name+"."+f.Name, f.Type)
	if err != nil {
		return err
	}
	v.children, v.fields = append(v.children, c), append(v.fields, f.Name)
	return nil
}

// spans lists the buffers of v and below, in the order of the body.
func (v *vector) spans(into []*span) []*span {
	for _, s := range []*span{v.valid, v.offsets, v.data} {
		if s != nil && s.length > 0 {
			into = append(into, s)
		}
	}
	for _, c := range v.children {
		into = c.spans(into)
	}
	return into
}

// keepShort reads the short buffers of columns, neighbours at once, as far as half of the
// limit allows. The rest is read when asked for.
func (r *reader) keepShort(wanted []int) error {
	var short []*span
	for _, i := range wanted {
		for _, s := range r.columns[i].spans(nil) {
			if s.length <= shortBuffer {
				short = append(short, s)
			}
		}
	}
	for len(short) > 0 {
		first, end, n := short[0].offset, short[0].offset+short[0].length, 1
		for n < len(short) && short[n].offset >= end && short[n].offset-end <= maxGap &&
			short[n].offset+short[n].length-first <= maxRun {
			end = short[n].offset + short[n].length
			n++
		}
		if r.kept+end-first > r.limit/2 {
			return nil
		}
		run := make([]byte, end-first)
		if err := r.file.read(run, r.body+first); err != nil {
			return err
		}
		for _, s := range short[:n] {
			s.bytes = run[s.offset-first:][:s.length:s.length]
		}
		r.kept += end - first
		short = short[n:]
	}
	return nil
}

// slice is n bytes of a buffer. They are not to be changed.
func (r *reader) slice(s *span, off, n int64) ([]byte, error) {
	if s.packed {
		if err := r.unpack(s); err != nil {
			return nil, err
		}
	}
	if n < 0 || off < 0 || off > s.length || n > s.length-off {
		return nil, fmt.Errorf("%d bytes at byte %d of a buffer of %d", n, off, s.length)
	}
	if s.bytes != nil || n == 0 {
		return s.bytes[min(off, int64(len(s.bytes))):][:n:n], nil
	}
	p := make([]byte, n)
	return p, r.file.read(p, r.body+s.offset+off)
}
