package pickle

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Writer writes a pickle of protocol 4 opcode by opcode. The first error stays.
type Writer struct {
	w   io.Writer
	Err error
}

// NewWriter begins a pickle.
func NewWriter(w io.Writer) *Writer {
	p := &Writer{w: w}
	p.op("\x80\x04")
	return p
}

func (p *Writer) op(s string) {
	if p.Err == nil {
		_, p.Err = io.WriteString(p.w, s)
	}
}

// End ends the pickle.
func (p *Writer) End() error {
	p.op(".")
	return p.Err
}

// None writes None.
func (p *Writer) None() { p.op("N") }

// Bool writes True or False.
func (p *Writer) Bool(v bool) {
	if v {
		p.op("\x88")
	} else {
		p.op("\x89")
	}
}

// Int writes an integer.
func (p *Writer) Int(n int) {
	if n == int(int32(n)) {
		p.op("J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))))
		return
	}
	p.op("\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n))))
}

// Float writes a float.
func (p *Writer) Float(f float64) {
	p.op("G" + string(binary.BigEndian.AppendUint64(nil, math.Float64bits(f))))
}

// Text writes a str.
func (p *Writer) Text(s string) {
	p.op("X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s)
}

// Bytes begins a bytes of n bytes, which are written to the writer next.
func (p *Writer) Bytes(n int) {
	p.op("\x8e" + string(binary.LittleEndian.AppendUint64(nil, uint64(n))))
}

// Tuple writes a tuple.
func (p *Writer) Tuple(items func()) {
	p.op("(")
	items()
	p.op("t")
}

// List writes a list.
func (p *Writer) List(items func()) {
	p.op("](")
	items()
	p.op("e")
}

// Dict writes a dictionary: keys and values in turn.
func (p *Writer) Dict(items func()) {
	p.op("}(")
	items()
	p.op("u")
}

// global is a function or class; modules are called as before numpy 2, which knows both names.
func (p *Writer) global(module, name string) { p.op("c" + module + "\n" + name + "\n") }

// dtype writes the dtype of an array-protocol type string.
func (p *Writer) dtype(descr string) {
	order, flags := descr[:1], 0
	if descr == "|O" {
		descr, flags = "|O8", 63 // of Python objects: references are counted, and so on
	}
	p.global("numpy", "dtype")
	p.Tuple(func() {
		p.Text(descr[1:])
		p.Bool(false)
		p.Bool(true)
	})
	p.op("R")
	p.Tuple(func() {
		p.Int(3)
		p.Text(order)
		p.None()
		p.None()
		p.None()
		p.Int(-1)
		p.Int(-1)
		p.Int(flags)
	})
	p.op("b")
}

// Array writes an array in C order; data writes its elements: the bytes that Bytes has
// announced, or, of dtype |O, a list.
func (p *Writer) Array(descr string, shape []int, data func()) {
	if len(descr) < 2 {
		p.Err = fmt.Errorf("%w: dtype %q", ErrFormat, descr)
		return
	}
	p.global("numpy.core.multiarray", "_reconstruct")
	p.Tuple(func() {
		p.global("numpy", "ndarray")
		p.Tuple(func() { p.Int(0) })
		p.Bytes(1)
		p.op("b")
	})
	p.op("R")
	p.Tuple(func() {
		p.Int(1)
		p.Tuple(func() {
			for _, n := range shape {
				p.Int(n)
			}
		})
		p.dtype(descr)
		p.Bool(false)
		data()
	})
	p.op("b")
}
