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

// Released columns never change: these files say what they are.
func TestGoldenTables(t *testing.T) {
	for _, table := range Tables() {
		for _, notation := range Notations() {
			text, err := table.Describe(notation)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, table.Name+"."+notation+".golden", []byte(text))
		}
		metadata, err := table.FileMetadata()
		if err != nil {
			t.Fatal(err)
		}
		text := metadata[MicropqKey] + "\n" + metadata[HuggingFaceKey] + "\n"
		golden(t, table.Name+".metadata.golden", []byte(text))
	}
}

func TestFileMetadataIsDeterministic(t *testing.T) {
	for _, table := range Tables() {
		a, errA := table.FileMetadata()
		b, errB := table.FileMetadata()
		if !reflect.DeepEqual(a, b) || errA != nil || errB != nil {
			t.Errorf("table %s: the metadata differs from call to call (%v, %v)", table.Name, errA, errB)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	if _, err := TableNamed("sample"); err == nil || !strings.Contains(err.Error(), "samples, chunks, instances, questions") {
		t.Errorf("error %v, want one that lists the tables", err)
	}
	if table, err := TableNamed(ChunksTable); table != Chunks {
		t.Errorf("TableNamed(chunks) = %v, %v", table, err)
	}
	if _, err := Chunks.Describe("xml"); err == nil || !strings.Contains(err.Error(), "markdown, parquet, arrow, json") {
		t.Errorf("error %v, want one that lists the notations", err)
	}
}

func TestTableOfRefuses(t *testing.T) {
	refuse := func(name string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, want)
		}
	}
	_, err := TableOf[int]("t", "")
	refuse("no struct", err, "a row type is a struct")
	_, err = TableOf[struct {
		A int32 `parquet:"a,optional"`
	}]("t", "")
	refuse("optional value", err, "pointer or a slice")
	_, err = TableOf[struct {
		A *int32 `parquet:"a"`
	}]("t", "")
	refuse("required pointer", err, "pointer or a slice")
	_, err = TableOf[struct {
		A *[]byte `parquet:"a,optional"`
	}]("t", "")
	refuse("pointer to slice", err, "pointer or a slice")
	_, err = TableOf[struct {
		A []int64 `parquet:"a"`
	}]("t", "")
	refuse("repeated", err, "option list")
	_, err = TableOf[struct {
		A []byte `parquet:"a,list"`
	}]("t", "")
	refuse("list of bytes", err, "option list")
	_, err = TableOf[struct {
		A int64 `parquet:"a,date"`
	}]("t", "")
	refuse("date of int64", err, "option date")
	_, err = TableOf[struct {
		A int16 `parquet:"a"`
	}]("t", "")
	refuse("int16", err, "no column type")
	_, err = TableOf[struct {
		A int32 `parquet:"a,delta"`
	}]("t", "")
	refuse("unknown option", err, `"delta"`)
	_, err = TableOf[struct{ A int32 }]("t", "")
	refuse("no name", err, "name")
	_, err = TableOf[struct {
		a int32 `parquet:"a"`
	}]("t", "")
	refuse("unexported", err, "exported")
	_, err = TableOf[struct {
		A int32 `parquet:"a,uncompressed"`
	}]("t", "")
	refuse("payload of ints", err, "payload")
	_, err = TableOf[struct {
		A *Point `parquet:"a,optional" hf:"image"`
	}]("t", "")
	refuse("image without bytes", err, "image")
	_, err = TableOf[struct {
		Chunk
		Data string `parquet:"data"`
	}]("t", "")
	refuse("name twice", err, "twice")
}

func TestWithRefuses(t *testing.T) {
	for name, c := range map[string]Column{
		"taken":             {Name: "data", Type: TypeString},
		"no type":           {Name: "a"},
		"list without elem": {Name: "a", Type: TypeList},
		"struct of nothing": {Name: "a", Type: TypeStruct},
		"scalar with elem":  {Name: "a", Type: TypeInt32, Elem: &Column{Type: TypeInt32}},
		"bad elem":          {Name: "a", Type: TypeList, Elem: &Column{Type: "int16"}},
		"bad field":         {Name: "a", Type: TypeStruct, Fields: []Column{{Name: "", Type: TypeInt32}}},
		"classes of text":   {Name: "a", Type: TypeString, Classes: []string{"x"}},
		"classes not null":  {Name: "a", Type: TypeInt64, Classes: []string{"x"}},
		"unknown feature":   {Name: "a", Type: TypeString, Feature: "audio"},
	} {
		if _, err := Chunks.With(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRowRefuses(t *testing.T) {
	wide, err := Chunks.With(
		Column{Name: "n", Type: TypeInt32},
		Column{Name: "l", Type: TypeList, Nullable: true, Elem: &Column{Type: TypeString}},
		Column{Name: "s", Type: TypeStruct, Nullable: true, Fields: []Column{{Name: "d", Type: TypeFloat64}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		v     any
		added []any
	}
	for name, r := range map[string]row{
		"nil":                 {nil, []any{int32(1), nil, nil}},
		"nil pointer":         {(*Chunk)(nil), []any{int32(1), nil, nil}},
		"other type":          {Sample{}, []any{int32(1), nil, nil}},
		"values missing":      {Chunk{}, []any{int32(1), nil}},
		"values too many":     {Chunk{}, []any{int32(1), nil, nil, nil}},
		"no values":           {Chunk{}, nil},
		"null not nullable":   {Chunk{}, []any{nil, nil, nil}},
		"other integer":       {Chunk{}, []any{1, nil, nil}},
		"list of other":       {Chunk{}, []any{int32(1), []string{"a"}, nil}},
		"element of other":    {Chunk{}, []any{int32(1), []any{"a", 1}, nil}},
		"null element":        {Chunk{}, []any{int32(1), []any{nil}, nil}},
		"struct of other":     {Chunk{}, []any{int32(1), nil, Point{}}},
		"missing field":       {Chunk{}, []any{int32(1), nil, map[string]any{}}},
		"field of other type": {Chunk{}, []any{int32(1), nil, map[string]any{"d": float32(1)}}},
		"unknown field":       {Chunk{}, []any{int32(1), nil, map[string]any{"d": 1.0, "e": 1.0}}},
	} {
		if _, err := wide.Row(nil, r.v, r.added...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := wide.Row(nil, &Chunk{}, int32(1), []any{"a"}, map[string]any{"d": 1.0}); err != nil {
		t.Error(err)
	}
	if _, err := Chunks.Row(nil, Chunk{}, int32(1)); err == nil {
		t.Error("a value for no added column: no error")
	}
}
