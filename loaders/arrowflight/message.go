package arrowflight

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/micropq/micropq/loaders/batch"
)

// The fields of the protobuf message FlightData,
// https://github.com/apache/arrow/blob/main/format/Flight.proto.
const (
	fieldHeader   = 2
	fieldMetadata = 3
	fieldBody     = 1000
)

// message is a FlightData whose body lies in many places: [codec] sends it uncopied, where protobuf would
// copy a batch twice.
type message struct {
	header   []byte
	metadata []byte
	body     [][]byte
	size     int64   // of the body
	hold     *holder // of the batch whose memory the body is, nil where it is of none
}

// holder counts who uses the memory of a batch: the stream that makes messages of it, and gRPC, which sends
// them later. The last one releases the batch.
type holder struct {
	batch *batch.Batch
	users atomic.Int32
}

func hold(b *batch.Batch) *holder {
	h := &holder{batch: b}
	h.users.Store(1)
	return h
}

func (h *holder) done() {
	if h.users.Add(-1) == 0 {
		h.batch.Release()
	}
}

// buffer is a part of the batch's memory, in use until gRPC frees it.
func (h *holder) buffer(part []byte) mem.Buffer {
	if h == nil {
		return mem.SliceBuffer(part)
	}
	if mem.IsBelowBufferPoolingThreshold(cap(part)) { // gRPC does not tell when it is done with so little
		return mem.SliceBuffer(slices.Clone(part))
	}
	h.users.Add(1)
	return mem.NewBuffer(&part, h)
}

// Put is gRPC's end of a use.
func (h *holder) Put(*[]byte) { h.done() }

// Get is not called: gRPC takes no memory from here.
func (h *holder) Get(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// newMessage is the message of an IPC payload, which it releases. It shares the memory of the payload's buffers:
// that of a batch until it is released, and that of other columns, which nothing writes to any more.
func newMessage(p ipc.Payload) (*message, error) {
	defer p.Release()
	meta := p.Meta()
	defer meta.Release()
	m := &message{header: slices.Clone(meta.Bytes())}
	return m, p.SerializeBody(m)
}

// Write takes a part of the body as it is.
func (m *message) Write(part []byte) (int, error) {
	m.body = append(m.body, part)
	m.size += int64(len(part))
	return len(part), nil
}

// wireSize bounds the size of the message on the wire.
func (m *message) wireSize() int64 {
	const tags = 32 // three tags with their lengths take less
	return int64(len(m.header)+len(m.metadata)) + m.size + tags
}

// marshal is the message in protobuf.
func (m *message) marshal() mem.BufferSlice {
	head := make([]byte, 0, len(m.header)+len(m.metadata)+32)
	head = protowire.AppendBytes(protowire.AppendTag(head, fieldHeader, protowire.BytesType), m.header)
	if m.metadata != nil {
		head = protowire.AppendBytes(protowire.AppendTag(head, fieldMetadata, protowire.BytesType), m.metadata)
	}
	if m.size > 0 {
		head = protowire.AppendVarint(protowire.AppendTag(head, fieldBody, protowire.BytesType), uint64(m.size))
	}
	out := mem.BufferSlice{mem.SliceBuffer(head)}
	for _, part := range m.body {
		out = append(out, m.hold.buffer(part))
	}
	return out
}

// codec writes messages, and leaves everything else to protobuf.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*message); ok {
		return m.marshal(), nil
	}
	return c.CodecV2.Marshal(v)
}

// ItemError is an item that no message may hold.
type ItemError struct {
	Sample     string
	Size, Most int64 // bytes
}

func (e *ItemError) Error() string {
	return fmt.Sprintf("an item of sample %s takes %d bytes, a message at most %d: ask for a smaller size, or start the server with a larger --max-message", e.Sample, e.Size, e.Most)
}

// messages gives the messages of a record batch to send: one, or where that were larger than most, one a
// piece. Pieces are halves, halves of halves, and so on.
func messages(r arrow.RecordBatch, most int64, send func(*message) error) error {
	return pieces(r, 0, r.NumRows(), most, send)
}

// pieces sends rows from to to.
func pieces(r arrow.RecordBatch, from, to, most int64, send func(*message) error) error {
	part, rows := r, r.NumRows()
	if to-from < rows {
		part = r.NewSlice(from, to)
		defer part.Release()
	}
	p, err := ipc.GetRecordBatchPayload(part)
	if err != nil {
		return err
	}
	m, err := newMessage(p)
	if err != nil {
		return err
	}
	if to-from < rows {
		m.metadata = fmt.Appendf(nil, `{"row":%d,"rows":%d}`, from, rows)
	}
	if m.wireSize() <= most {
		return send(m)
	}
	if to-from <= 1 {
		return &ItemError{Sample: sampleOf(part), Size: m.wireSize(), Most: most}
	}
	middle := (from + to + 1) / 2
	if err := pieces(r, from, middle, most, send); err != nil {
		return err
	}
	return pieces(r, middle, to, most, send)
}

// sampleOf names the sample of a record batch's first row.
func sampleOf(r arrow.RecordBatch) string {
	if i := r.Schema().FieldIndices("sample_id"); len(i) == 1 && r.NumRows() > 0 {
		return r.Column(i[0]).ValueStr(0)
	}
	return ""
}
