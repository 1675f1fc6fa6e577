package schemas

import (
	"fmt"
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// Table is one kind of row and everything derived from it. It does not change once made
// and may be used by several goroutines.
type Table struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc"`
	Columns []Column `json:"columns"`

	parquet *parquet.Schema // of all columns
	rowType reflect.Type    // the Go type of a row, which has all columns but those added by With
	rows    *parquet.Schema // of the columns of rowType
	added   int             // columns added by With
}

// The released tables. A converter may add columns at the end of one, never change these.
var (
	Samples   = MustTableOf[Sample](SamplesTable, "one row per volume, section or image")
	Chunks    = MustTableOf[Chunk](ChunksTable, "one row per chunk of an N-D array, sorted by (sample_id, array, level, t, z, y, x, c)")
	Instances = MustTableOf[Instance](InstancesTable, "one row per annotated object")
	Questions = MustTableOf[Question](QuestionsTable, "one row per question or caption")
)

// Tables lists the released tables.
func Tables() []*Table { return []*Table{Samples, Chunks, Instances, Questions} }

// TableOf derives a table from the struct type T, as the comment on the row types says:
// the fields of an embedded struct stand where it is embedded.
func TableOf[T any](name, doc string) (*Table, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("table %s: a row type is a struct, not %v", name, t)
	}
	columns, err := columnsOf(t, nil)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	if err := checkColumns(columns); err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	schema := parquet.NewSchema(name, groupNode(columns))
	return &Table{Name: name, Doc: doc, Columns: columns, parquet: schema, rowType: t, rows: schema}, nil
}

// MustTableOf is [TableOf] for types known to be right, as in a package variable.
func MustTableOf[T any](name, doc string) *Table {
	t, err := TableOf[T](name, doc)
	if err != nil {
		panic(err)
	}
	return t
}

// With returns the table with columns added at the end, for columns that are only known
// when a source is read. [Table.Row] takes their values.
func (t *Table) With(columns ...Column) (*Table, error) {
	wide := *t
	wide.Columns = append(t.Columns[:len(t.Columns):len(t.Columns)], columns...)
	wide.added += len(columns)
	if err := checkColumns(wide.Columns); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Name, err)
	}
	wide.parquet = parquet.NewSchema(t.Name, groupNode(wide.Columns))
	return &wide, nil
}

// Parquet is the Parquet schema. It is derived from Columns alone; the order of columns is
// theirs. Payload columns are marked uncompressed.
func (t *Table) Parquet() *parquet.Schema { return t.parquet }

// Payload lists the paths of the payload columns, dotted: "data", "preview.bytes".
func (t *Table) Payload() []string { return payloadPaths(nil, "", t.Columns) }

func payloadPaths(paths []string, prefix string, columns []Column) []string {
	for i := range columns {
		if columns[i].Payload {
			paths = append(paths, prefix+columns[i].Name)
		}
		paths = payloadPaths(paths, prefix+columns[i].Name+".", columns[i].Fields)
	}
	return paths
}

// Row appends to dst the Parquet row of v, a value of the table's row type or a pointer to
// one, followed by the values of the columns added by [Table.With], in their order.
//
// The value of an added column is nil for null, else of the Go type of its column: bool,
// int32 (also for a date), int64, uint64, float32, float64, string or []byte; []any for a
// list; map[string]any for a struct, where an absent key is a null.
func (t *Table) Row(dst parquet.Row, v any, added ...any) (parquet.Row, error) {
	value := reflect.ValueOf(v)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if !value.IsValid() || value.Type() != t.rowType {
		return dst, fmt.Errorf("table %s: a row is a %v, not %T", t.Name, t.rowType, v)
	}
	own := len(t.Columns) - t.added
	if len(added) != t.added {
		return dst, fmt.Errorf("table %s: %d values for %d added columns", t.Name, len(added), t.added)
	}
	for i, a := range added {
		if err := t.Columns[own+i].checkValue(a); err != nil {
			return dst, fmt.Errorf("table %s: column %s: %w", t.Name, t.Columns[own+i].Name, err)
		}
	}
	dst = t.rows.Deconstruct(dst, v)
	first := len(t.rows.Columns())
	for i, a := range added {
		c := &t.Columns[own+i]
		s := shredder{first: first, leaves: make([][]parquet.Value, c.leafCount())}
		s.shred(c, 0, a, levels{})
		for _, leaf := range s.leaves {
			dst = append(dst, leaf...)
		}
		first += len(s.leaves)
	}
	return dst, nil
}
