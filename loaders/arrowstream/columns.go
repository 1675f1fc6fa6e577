package arrowstream

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micropq/micropq/loaders/batch"
)

// row is an item of a batch as a column sees it.
type row struct {
	batch *batch.Batch
	item  *batch.Item
	state string
}

// column is a column of one value an item.
type column struct {
	arrow.Field
	add func(array.Builder, row)
}

// columnsOf are the names of the columns beside tensors and images, in their order.
func columnsOf(o *batch.Options) []string {
	names := []string{"sample_id"}
	if o.Kind == batch.WholeItems {
		names = append(names, "question_id", "kind", "type", "question", "options", "answer", "answer_index", "tags", "source")
	} else {
		names = append(names, "origin", "source", "instance")
	}
	if o.Transform.Flip != "" || o.Transform.Rotate {
		names = append(names, "turns", "flips")
	}
	return append(names, "epoch", "position", "state")
}

// columns are all that there are, by name.
var columns = byName(
	text("sample_id", func(r row) string { return r.item.Sample }),
	text("question_id", func(r row) string { return r.item.Question.QuestionID }),
	text("kind", func(r row) string { return r.item.Question.Kind }),
	nullableText("type", func(r row) *string { return r.item.Question.Type }),
	nullableText("question", func(r row) *string { return r.item.Question.Question }),
	texts("options", func(r row) []string { return r.item.Question.Options }),
	nullableText("answer", func(r row) *string { return r.item.Question.Answer }),
	answerIndex,
	texts("tags", func(r row) []string { return r.item.Question.Tags }),
	origin,
	int32s("source", func(r row) int32 { return int32(r.item.Source) }),
	int64s("instance", func(r row) int64 { return r.item.Instance }),
	int32s("turns", func(r row) int32 { return int32(r.item.Turns) }),
	text("flips", func(r row) string { return r.item.Flips }),
	int64s("epoch", func(r row) int64 { return r.batch.Epoch }),
	int64s("position", func(r row) int64 { return r.item.Position }),
	text("state", func(r row) string { return r.state }),
)

func byName(all ...column) map[string]column {
	columns := map[string]column{}
	for _, c := range all {
		columns[c.Name] = c
	}
	return columns
}

var answerIndex = column{arrow.Field{Name: "answer_index", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, func(b array.Builder, r row) {
	if v := r.item.Question.AnswerIndex; v != nil {
		b.(*array.Int32Builder).Append(*v)
	} else {
		b.AppendNull()
	}
}}

func text(name string, of func(row) string) column {
	return column{arrow.Field{Name: name, Type: arrow.BinaryTypes.String}, func(b array.Builder, r row) {
		b.(*array.StringBuilder).Append(of(r))
	}}
}

func nullableText(name string, of func(row) *string) column {
	return column{arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true}, func(b array.Builder, r row) {
		if v := of(r); v != nil {
			b.(*array.StringBuilder).Append(*v)
		} else {
			b.AppendNull()
		}
	}}
}

// texts is a column of lists, nil being null.
func texts(name string, of func(row) []string) column {
	return column{arrow.Field{Name: name, Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true}, func(b array.Builder, r row) {
		v := of(r)
		if v == nil {
			b.AppendNull()
			return
		}
		list := b.(*array.ListBuilder)
		list.Append(true)
		list.ValueBuilder().(*array.StringBuilder).AppendValues(v, nil)
	}}
}

func int32s(name string, of func(row) int32) column {
	return column{arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int32}, func(b array.Builder, r row) {
		b.(*array.Int32Builder).Append(of(r))
	}}
}

func int64s(name string, of func(row) int64) column {
	return column{arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64}, func(b array.Builder, r row) {
		b.(*array.Int64Builder).Append(of(r))
	}}
}

// origin is the column of boxes' origins, one number an axis; its type is that of the loader's axes.
var origin = column{arrow.Field{Name: "origin"}, func(b array.Builder, r row) {
	list := b.(*array.FixedSizeListBuilder)
	list.Append(true)
	for _, o := range r.item.Origin {
		list.ValueBuilder().(*array.Int32Builder).Append(int32(o))
	}
}}
