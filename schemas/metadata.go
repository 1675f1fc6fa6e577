package schemas

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Keys of a shard's key-value metadata.
const (
	ArrowKey       = "ARROW:schema" // Arrow's: base64 of the schema as an IPC message
	HuggingFaceKey = "huggingface"  // datasets': the features of the columns
	MicropqKey     = "micropq"      // ours: format version and table
)

// FileMetadata is the key-value metadata of every shard of the table. It is the same bytes
// each time.
func (t *Table) FileMetadata() (map[string]string, error) {
	micropq, err := json.Marshal(struct {
		Format string `json:"format"`
		Table  string `json:"table"`
	}{FormatVersion(), t.Name})
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Name, err)
	}
	metadata := map[string]string{
		HuggingFaceKey: `{"info": {"features": ` + t.Features() + `}}`,
		MicropqKey:     string(micropq),
	}
	// pyarrow shows the metadata of the Arrow schema in place of the file's, and datasets
	// reads it through pyarrow: what the file says the Arrow schema must say too.
	shown := arrow.MetadataFrom(metadata)
	message, err := arrowMessage(arrow.NewSchema(t.Arrow().Fields(), &shown))
	if err != nil {
		return nil, fmt.Errorf("table %s: Arrow schema: %w", t.Name, err)
	}
	metadata[ArrowKey] = base64.StdEncoding.EncodeToString(message)
	return metadata, nil
}

// arrowMessage is the schema as one encapsulated IPC message.
func arrowMessage(schema *arrow.Schema) ([]byte, error) {
	payload := ipc.GetSchemaPayload(schema, memory.DefaultAllocator)
	defer payload.Release()
	var b bytes.Buffer
	_, err := payload.WritePayload(&b)
	return b.Bytes(), err
}

// Features is the Hugging Face features of the table's columns as JSON, in column order:
// what stands in the metadata of shards and in a dataset card.
func (t *Table) Features() string { return featuresOf(t.Columns) }

// featuresOf writes a JSON object by hand, for its keys have an order.
func featuresOf(columns []Column) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoteJSON(columns[i].Name) + ": " + columns[i].feature())
	}
	b.WriteByte('}')
	return b.String()
}

// feature is the column's feature. A list is written as an array of one feature: releases
// of datasets before 4 do not know the type List, and Sequence of a struct means a struct of lists.
func (c *Column) feature() string {
	switch {
	case c.Feature == FeatureImage:
		return `{"_type": "Image"}`
	case c.Classes != nil:
		return `{"names": ` + quoteJSON(c.Classes) + `, "_type": "ClassLabel"}`
	case c.Type == TypeList:
		return `[` + c.Elem.feature() + `]`
	case c.Type == TypeStruct:
		return featuresOf(c.Fields)
	case c.Type == TypeDate:
		return `{"dtype": "date32", "_type": "Value"}`
	}
	return `{"dtype": "` + string(c.Type) + `", "_type": "Value"}`
}

// quoteJSON is the JSON of a string or of strings, which always have one.
func quoteJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
