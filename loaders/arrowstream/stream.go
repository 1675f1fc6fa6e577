// Package arrowstream writes batches as an Arrow IPC stream, one record batch a batch.
//
// A tensor is a column of the canonical extension type arrow.fixed_shape_tensor: its storage
// is the bytes of the batch, uncopied, and pyarrow gives them to numpy as a view. Encoded
// images are a column of large_binary, uncopied too. Beside them stand the columns
//
//	sample_id  string                 sample of the item
//	origin     fixed_size_list<int32> of its box along Z, Y, X or Y, X, elements of the level
//	source     int32                  number of the data set among those drawn from
//	instance   int64                  instance a foreground crop is centred on, else 0
//	epoch      int64
//	position   int64                  in the order of the epoch
//	state      string                 where a run goes on that is done with the batch
//
// of boxes. Whole items have the columns of their question, question_id, kind, type, question,
// options, answer, answer_index and tags, where boxes have origin and instance. Items that are turned
// have turns (int32, quarter turns from Y towards X) and flips (string, the axes reversed after that).
//
// Where images are normalised the schema's metadata has, under [NormalisationKey], how: a JSON list of
// batch.Normalisation.
package arrowstream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders/batch"
	"github.com/micropq/micropq/schemas"
)

// Write draws the loader's batches and writes them until the last, an error, or ctx is done.
// written, which may be nil, is told of each batch once it is with w.
func Write(ctx context.Context, w io.Writer, l *batch.Loader, written func(*batch.Batch)) (err error) {
	schema, err := Schema(l)
	if err != nil {
		return err
	}
	out := ipc.NewWriter(w, ipc.WithSchema(schema))
	for b, err := range l.Batches(ctx) {
		if err != nil {
			return err // without the end mark: the reader sees that the stream is cut off
		}
		r, err := Record(schema, b)
		if err != nil {
			return err
		}
		err = out.Write(r)
		r.Release()
		if err != nil {
			return fmt.Errorf("writing batch %d of epoch %d: %w", b.Step, b.Epoch, err)
		}
		if written != nil {
			written(b)
		}
		b.Release()
	}
	return out.Close()
}

// elements are the Arrow types of elements. Bools take a byte each in a batch, a bit in Arrow.
var elements = map[schemas.DType]arrow.DataType{
	schemas.Bool: arrow.PrimitiveTypes.Uint8, schemas.Int8: arrow.PrimitiveTypes.Int8, schemas.Int16: arrow.PrimitiveTypes.Int16,
	schemas.Int32: arrow.PrimitiveTypes.Int32, schemas.Int64: arrow.PrimitiveTypes.Int64, schemas.Uint8: arrow.PrimitiveTypes.Uint8,
	schemas.Uint16: arrow.PrimitiveTypes.Uint16, schemas.Uint32: arrow.PrimitiveTypes.Uint32, schemas.Uint64: arrow.PrimitiveTypes.Uint64,
	schemas.Float16: arrow.FixedWidthTypes.Float16, schemas.Float32: arrow.PrimitiveTypes.Float32, schemas.Float64: arrow.PrimitiveTypes.Float64,
}

// Element is the Arrow type of an element, nil where there is none.
func Element(t schemas.DType) arrow.DataType { return elements[t] }

// NormalisationKey is the key of the schema's metadata that says how images were normalised.
const NormalisationKey = "micropq:normalisation"

// Schema is that of a loader's stream.
func Schema(l *batch.Loader) (*arrow.Schema, error) {
	var fields []arrow.Field
	for _, t := range l.Tensors(1) {
		f, err := tensorField(t)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	o := l.Options()
	if o.Kind == batch.WholeItems && len(o.Items.Decode) == 0 {
		fields = append(fields, arrow.Field{Name: "image", Type: arrow.BinaryTypes.LargeBinary, Nullable: true})
	}
	for _, name := range columnsOf(&o) {
		f := columns[name].Field
		if name == "origin" {
			f.Type = arrow.FixedSizeListOfNonNullable(int32(len(l.Axes())), arrow.PrimitiveTypes.Int32)
		}
		fields = append(fields, f)
	}
	normalised := l.Normalisations()
	if len(normalised) == 0 {
		return arrow.NewSchema(fields, nil), nil
	}
	text, err := json.Marshal(normalised)
	if err != nil {
		return nil, err
	}
	metadata := arrow.NewMetadata([]string{NormalisationKey}, []string{string(text)})
	return arrow.NewSchema(fields, &metadata), nil
}

func tensorField(t batch.Tensor) (f arrow.Field, err error) {
	n, ok := nd.CheckedElements(t.Shape)
	if !ok || n > math.MaxInt32 {
		return f, fmt.Errorf("tensor %s: an item of shape %v has more elements than an Arrow list may have (%d)", t.Name, t.Shape[1:], math.MaxInt32)
	}
	dims := make([]string, 0, len(t.Shape))
	for _, axis := range t.Axes[1:] {
		dims = append(dims, string(axis))
	}
	// https://arrow.apache.org/docs/format/CanonicalExtensions.html, fixed shape tensor.
	extension, err := json.Marshal(map[string]any{"shape": t.Shape[1:], "dim_names": dims})
	return arrow.Field{
		Name: t.Name, Type: arrow.FixedSizeListOfNonNullable(int32(n), elements[t.DType]),
		Metadata: arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{"arrow.fixed_shape_tensor", string(extension)}),
	}, err
}

// Record is a batch in Arrow, with the loader's [Schema]; tensors and encoded images share the batch's memory.
func Record(schema *arrow.Schema, b *batch.Batch) (arrow.RecordBatch, error) {
	state, err := json.Marshal(b.State)
	if err != nil {
		return nil, err
	}
	var blocks []arrow.Array
	for i, t := range b.Tensors {
		blocks = append(blocks, tensor(schema.Field(i).Type.(*arrow.FixedSizeListType), len(b.Items), t.Data))
	}
	if b.Images.Len() > 0 {
		blocks = append(blocks, images(b.Images))
	}
	rows := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(schema.Fields()[len(blocks):], nil))
	defer rows.Release()
	for k, f := range schema.Fields()[len(blocks):] {
		for i := range b.Items {
			columns[f.Name].add(rows.Field(k), row{b, &b.Items[i], string(state)})
		}
	}
	rest := rows.NewRecordBatch()
	defer rest.Release()
	return array.NewRecordBatch(schema, append(blocks, rest.Columns()...), int64(len(b.Items))), nil
}

// images is a column over encoded images; a sample without one is null.
func images(m batch.Images) arrow.Array {
	n := m.Len()
	valid, nulls := make([]byte, (n+7)/8), 0
	for i := range n {
		if m.Offsets[i] < m.Offsets[i+1] {
			valid[i/8] |= 1 << (i % 8)
		} else {
			nulls++
		}
	}
	offsets := memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(m.Offsets))
	return array.MakeFromData(array.NewData(arrow.BinaryTypes.LargeBinary, n,
		[]*memory.Buffer{memory.NewBufferBytes(valid), offsets, memory.NewBufferBytes(m.Data)}, nil, nulls, 0))
}

// tensor is a column of n lists over data.
func tensor(t *arrow.FixedSizeListType, n int, data []byte) arrow.Array {
	values := array.NewData(t.Elem(), n*int(t.Len()), []*memory.Buffer{nil, memory.NewBufferBytes(data)}, nil, 0, 0)
	lists := array.NewData(t, n, []*memory.Buffer{nil}, []arrow.ArrayData{values}, 0, 0)
	return array.MakeFromData(lists)
}
