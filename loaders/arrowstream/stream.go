// Package arrowstream writes batches as an Arrow IPC stream, one record batch a batch.
//
// A tensor is a column of the canonical extension type arrow.fixed_shape_tensor: its storage
// is the bytes of the batch, uncopied, and pyarrow gives them to numpy as a view. Beside them
// stand the columns
//
//	sample_id  string                 sample of the item
//	origin     fixed_size_list<int32> of its box along Z, Y, X or Y, X, elements of the level
//	source     int32                  number of the data set among those drawn from
//	instance   int64                  instance a foreground crop is centred on, else 0
//	epoch      int64
//	position   int64                  in the order of the epoch
//	state      string                 where a run goes on that is done with the batch
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

// Schema is that of a loader's stream.
func Schema(l *batch.Loader) (*arrow.Schema, error) {
	spatial := 0
	var tensors []arrow.Field
	for _, t := range l.Tensors(1) {
		n, ok := nd.CheckedElements(t.Shape)
		if !ok || n > math.MaxInt32 {
			return nil, fmt.Errorf("tensor %s: an item of shape %v has more elements than an Arrow list may have (%d)", t.Name, t.Shape[1:], math.MaxInt32)
		}
		dims := make([]string, 0, len(t.Shape))
		spatial = 0
		for _, axis := range t.Axes[1:] {
			dims = append(dims, string(axis))
			if axis != 'C' {
				spatial++
			}
		}
		// https://arrow.apache.org/docs/format/CanonicalExtensions.html, fixed shape tensor.
		extension, err := json.Marshal(map[string]any{"shape": t.Shape[1:], "dim_names": dims})
		if err != nil {
			return nil, err
		}
		tensors = append(tensors, arrow.Field{
			Name: t.Name, Type: arrow.FixedSizeListOfNonNullable(int32(n), elements[t.DType]),
			Metadata: arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{"arrow.fixed_shape_tensor", string(extension)}),
		})
	}
	return arrow.NewSchema(append(tensors,
		arrow.Field{Name: "sample_id", Type: arrow.BinaryTypes.String},
		arrow.Field{Name: "origin", Type: arrow.FixedSizeListOfNonNullable(int32(spatial), arrow.PrimitiveTypes.Int32)},
		arrow.Field{Name: "source", Type: arrow.PrimitiveTypes.Int32},
		arrow.Field{Name: "instance", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "epoch", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "position", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "state", Type: arrow.BinaryTypes.String},
	), nil), nil
}

// Record is a batch in Arrow, with the loader's [Schema]; tensors share the batch's memory.
func Record(schema *arrow.Schema, b *batch.Batch) (arrow.RecordBatch, error) {
	state, err := json.Marshal(b.State)
	if err != nil {
		return nil, err
	}
	var columns []arrow.Array
	for i, t := range b.Tensors {
		columns = append(columns, tensor(schema.Field(i).Type.(*arrow.FixedSizeListType), len(b.Items), t.Data))
	}
	rows := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(schema.Fields()[len(b.Tensors):], nil))
	defer rows.Release()
	origins := rows.Field(1).(*array.FixedSizeListBuilder)
	for _, item := range b.Items {
		rows.Field(0).(*array.StringBuilder).Append(item.Sample)
		origins.Append(true)
		for _, o := range item.Origin {
			origins.ValueBuilder().(*array.Int32Builder).Append(int32(o))
		}
		rows.Field(2).(*array.Int32Builder).Append(int32(item.Source))
		rows.Field(3).(*array.Int64Builder).Append(item.Instance)
		rows.Field(4).(*array.Int64Builder).Append(b.Epoch)
		rows.Field(5).(*array.Int64Builder).Append(item.Position)
		rows.Field(6).(*array.StringBuilder).Append(string(state))
	}
	rest := rows.NewRecordBatch()
	defer rest.Release()
	return array.NewRecordBatch(schema, append(columns, rest.Columns()...), int64(len(b.Items))), nil
}

// tensor is a column of n lists over data.
func tensor(t *arrow.FixedSizeListType, n int, data []byte) arrow.Array {
	values := array.NewData(t.Elem(), n*int(t.Len()), []*memory.Buffer{nil, memory.NewBufferBytes(data)}, nil, 0, 0)
	lists := array.NewData(t, n, []*memory.Buffer{nil}, []arrow.ArrayData{values}, 0, 0)
	return array.MakeFromData(lists)
}
