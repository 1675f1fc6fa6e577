package schemas

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// rowTypes gives the row type of each released table.
var rowTypes = map[string]any{
	SamplesTable:   Sample{},
	ChunksTable:    Chunk{},
	InstancesTable: Instance{},
	QuestionsTable: Question{},
}

// The columns are ours, the schema of a struct type is parquet-go's: both read the same
// tags, so they must agree, and with them everything else that reads structs.
func TestParquetAgreesWithSchemaOf(t *testing.T) {
	type wide struct {
		Sample
		Line string `parquet:"line"`
		Date *int32 `parquet:"date,optional,date"`
	}
	tables := map[*Table]any{MustTableOf[wide]("wide", ""): wide{}}
	for _, table := range Tables() {
		tables[table] = rowTypes[table.Name]
	}
	for table, row := range tables {
		want := parquet.SchemaOf(row)
		if got := table.Parquet(); !parquet.EqualNodes(got, want) {
			t.Errorf("table %s:\n%v\nparquet.SchemaOf:\n%v", table.Name, got, want)
		}
		if got, want := table.Parquet().Columns(), want.Columns(); !reflect.DeepEqual(got, want) {
			t.Errorf("table %s: leaves %v, parquet.SchemaOf has %v", table.Name, got, want)
		}
		for _, path := range want.Columns() {
			ours, _ := table.Parquet().Lookup(path...)
			theirs, _ := want.Lookup(path...)
			if ours.Node.Encoding() != theirs.Node.Encoding() || ours.Node.Compression() != theirs.Node.Compression() ||
				ours.MaxDefinitionLevel != theirs.MaxDefinitionLevel || ours.MaxRepetitionLevel != theirs.MaxRepetitionLevel {
				t.Errorf("table %s: column %s differs from parquet.SchemaOf in encoding, compression or levels", table.Name, strings.Join(path, "."))
			}
		}
	}
}

func TestPayload(t *testing.T) {
	want := map[string][]string{SamplesTable: {"preview.bytes", "image.bytes"}, ChunksTable: {"data"}}
	for _, table := range Tables() {
		if got := table.Payload(); !slices.Equal(got, want[table.Name]) {
			t.Errorf("table %s: payloads %v, want %v", table.Name, got, want[table.Name])
		}
	}
}
