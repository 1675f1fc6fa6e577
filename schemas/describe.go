package schemas

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Notations that [Table.Describe] knows.
const (
	AsParquet  = "parquet"  // the message type of the Parquet schema
	AsArrow    = "arrow"    // the fields of the Arrow schema
	AsJSON     = "json"     // the table as JSON
	AsMarkdown = "markdown" // a table of columns to read
)

// Notations lists the notations that [Table.Describe] knows.
func Notations() []string { return []string{AsMarkdown, AsParquet, AsArrow, AsJSON} }

// Describe writes out the columns of the table in a notation.
func (t *Table) Describe(notation string) (string, error) {
	switch notation {
	case AsParquet:
		return t.Parquet().String() + "\n", nil
	case AsArrow:
		return t.Arrow().String() + "\n", nil
	case AsJSON:
		b, err := json.MarshalIndent(t, "", "  ")
		return string(b) + "\n", err
	case AsMarkdown:
		return t.markdown(), nil
	}
	return "", fmt.Errorf("unknown notation %q: want one of %s", notation, strings.Join(Notations(), ", "))
}

// TableNamed is the released table of a name.
func TableNamed(name string) (*Table, error) {
	tables := Tables()
	if i := slices.IndexFunc(tables, func(t *Table) bool { return t.Name == name }); i >= 0 {
		return tables[i], nil
	}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	return nil, fmt.Errorf("unknown table %q: want one of %s", name, strings.Join(names, ", "))
}

func (t *Table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s.\n\n", t.Name, strings.ToUpper(t.Doc[:min(1, len(t.Doc))])+t.Doc[min(1, len(t.Doc)):])
	b.WriteString("| column | type | null | meaning |\n|---|---|---|---|\n")
	markdownRows(&b, "", t.Columns)
	return b.String()
}

// markdownRows writes a row for each column and, below it, for each of its fields:
// "bbox.z0", "arrays[].name".
func markdownRows(b *strings.Builder, prefix string, columns []Column) {
	for i := range columns {
		c := &columns[i]
		null := ""
		if c.Nullable {
			null = "yes"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, c.Name, c.typeName(), null, strings.ReplaceAll(c.Doc, "|", `\|`))
		path, inner := prefix+c.Name, c
		for inner.Elem != nil {
			path, inner = path+"[]", inner.Elem
		}
		markdownRows(b, path+".", inner.Fields)
	}
}

// typeName is the type as a reader wants it: "list of int64", "struct (image)".
func (c *Column) typeName() string {
	switch {
	case c.Elem != nil:
		return "list of " + c.Elem.typeName()
	case c.Feature != "":
		return string(c.Type) + " (" + c.Feature + ")"
	}
	return string(c.Type)
}
