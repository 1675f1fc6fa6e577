package arrowfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	flatbuffers "github.com/google/flatbuffers/go"
)

const (
	magic = "ARROW1"
	// maxMetadata bounds the metadata of a message: 16 bytes a buffer, a million buffers.
	maxMetadata = 16 << 20
	// continuation stands before the length of a message since Arrow 0.15.
	continuation = 0xffffffff
)

// Message kinds (format/Message.fbs).
const (
	kindSchema      = 1
	kindDictionary  = 2
	kindRecordBatch = 3
)

// File is the index of an Arrow file: its schema and where its record batches lie. It does
// not change once opened and may be used by several goroutines.
type File struct {
	r       io.ReaderAt
	size    int64
	name    string
	schema  *arrow.Schema
	batches []Batch
}

// Batch says where a record batch lies.
type Batch struct {
	First, Rows int64 // its first row in the file, its number of rows
	Bytes       int64 // of its body
	offset      int64 // of its message
	metadata    int64 // bytes of the message before the body
}

// Schema is the schema of the file, its metadata included.
func (f *File) Schema() *arrow.Schema { return f.schema }

// Batches lists the record batches in order.
func (f *File) Batches() []Batch { return f.batches }

// Rows is the number of rows of all batches.
func (f *File) Rows() int64 {
	if len(f.batches) == 0 {
		return 0
	}
	last := f.batches[len(f.batches)-1]
	return last.First + last.Rows
}

// Open reads the schema and the metadata of all messages; name is what errors call the
// file. Of a file that is cut off (ErrCut) or whose later part is damaged, the batches
// before that place are returned beside the error.
func Open(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{r: r, size: size, name: name}
	if err := f.walk(); err != nil {
		if f.schema == nil {
			return nil, err
		}
		return f, err
	}
	return f, nil
}

func (f *File) fail(offset int64, err error) error {
	return &Error{File: f.name, Row: -1, Offset: offset, Err: err}
}

func (f *File) walk() error {
	at := int64(0)
	var head [8]byte
	if f.size >= int64(len(head)) {
		if err := f.read(head[:], 0); err != nil {
			return err
		}
		if string(head[:len(magic)]) == magic {
			at = 8
		}
	}
	for {
		m, err := f.message(at)
		if err != nil {
			if errors.Is(err, ErrCut) && f.schema != nil {
				err.(*Error).Row = f.Rows()
			}
			return err
		}
		if m == nil {
			break
		}
		if err := f.add(m); err != nil {
			return err
		}
		at = m.body + m.bodyLength
	}
	if f.schema == nil {
		return f.fail(0, errors.New("no schema: this is no Arrow file"))
	}
	return nil
}

// message is the head of a message.
type message struct {
	kind       byte
	offset     int64 // of the message
	body       int64 // offset of its body
	bodyLength int64
	table      flatbuffers.Table // Message
	raw        []byte
}

// message reads the head of the message at an offset; nil at the end of the stream.
func (f *File) message(at int64) (m *message, err error) {
	if at == f.size {
		return nil, nil // a stream may end without saying so
	}
	var head [8]byte
	if at+4 > f.size {
		return nil, f.fail(at, ErrCut)
	}
	if err := f.read(head[:min(8, f.size-at)], at); err != nil {
		return nil, err
	}
	length, n := int64(int32(binary.LittleEndian.Uint32(head[:]))), int64(4)
	if binary.LittleEndian.Uint32(head[:]) == continuation {
		if at+8 > f.size {
			return nil, f.fail(at, ErrCut)
		}
		length, n = int64(int32(binary.LittleEndian.Uint32(head[4:]))), 8
	}
	if length == 0 {
		return nil, nil
	}
	if length < 8 || length > maxMetadata {
		return nil, f.fail(at, fmt.Errorf("no Arrow message here: its metadata would take %d bytes", length))
	}
	if at+n+length > f.size {
		return nil, f.fail(at, ErrCut)
	}
	m = &message{offset: at, body: at + n + length, raw: make([]byte, length)}
	if err := f.read(m.raw, at+n); err != nil {
		return nil, err
	}
	if err := guard(m.parse); err != nil {
		return nil, f.fail(at, err)
	}
	if m.bodyLength < 0 || m.bodyLength > f.size-m.body {
		return nil, f.fail(at, fmt.Errorf("%w: a message of %d bytes at byte %d of %d", ErrCut, m.bodyLength, m.body, f.size))
	}
	return m, nil
}

// parse reads the fields of Message: header_type, header and bodyLength are its fields 1, 2
// and 3.
func (m *message) parse() error {
	m.table = flatbuffers.Table{Bytes: m.raw, Pos: flatbuffers.GetUOffsetT(m.raw)}
	m.kind = m.table.GetByteSlot(slot(1), 0)
	m.bodyLength = m.table.GetInt64Slot(slot(3), 0)
	return nil
}

// header is the table that the message is about.
func (m *message) header() (t flatbuffers.Table) {
	if o := flatbuffers.UOffsetT(m.table.Offset(slot(2))); o != 0 {
		m.table.Union(&t, o)
		return t
	}
	panic("a message without a header") // in guard
}

// slot is where field i of a table stands in its vtable.
func slot(i int) flatbuffers.VOffsetT { return flatbuffers.VOffsetT(4 + 2*i) }

func (f *File) add(m *message) error {
	switch {
	case m.kind == kindSchema && f.schema == nil:
		return f.readSchema(m)
	case f.schema == nil:
		return f.fail(m.offset, errors.New("the first message is no schema: this is no Arrow file"))
	case m.kind == kindDictionary:
		return nil // columns with a dictionary are refused where they are read
	case m.kind != kindRecordBatch:
		return f.fail(m.offset, fmt.Errorf("%w: message kind %d", ErrUnsupported, m.kind))
	}
	b := Batch{First: f.Rows(), Bytes: m.bodyLength, offset: m.offset, metadata: m.body - m.offset}
	if err := guard(func() error {
		header := m.header()
		b.Rows = header.GetInt64Slot(slot(0), 0)
		return nil
	}); err != nil {
		return f.fail(m.offset, err)
	}
	// A row of a table without columns takes no byte; any other takes at least a bit.
	if b.Rows < 0 || b.Rows > 8*b.Bytes && b.Rows > 1<<20 {
		return f.fail(m.offset, fmt.Errorf("%d rows in a record batch of %d bytes", b.Rows, b.Bytes))
	}
	f.batches = append(f.batches, b)
	return nil
}

// readSchema has the Arrow library read the schema message.
func (f *File) readSchema(m *message) error {
	framed := binary.LittleEndian.AppendUint32(nil, continuation)
	framed = binary.LittleEndian.AppendUint32(framed, uint32(len(m.raw)))
	err := guard(func() error {
		if err := checkSchema(m.header()); err != nil {
			return err
		}
		r, err := ipc.NewReader(bytes.NewReader(append(framed, m.raw...)))
		if err != nil {
			return err
		}
		defer r.Release()
		f.schema = r.Schema()
		return nil
	})
	if err != nil {
		return f.fail(m.offset, fmt.Errorf("schema: %w", err))
	}
	return nil
}

func (f *File) read(p []byte, at int64) error {
	n, err := f.r.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = ErrCut
	}
	return f.fail(at, err)
}

// guard makes an error of a panic over bytes that are not what they claim.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	return do()
}

// From is the same file read through another reader: the one it was opened with may be
// closed by now.
func (f *File) From(r io.ReaderAt) *File {
	from := *f
	from.r = r
	return &from
}
