package dataset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// checkColumns compares the columns of a file with those released of its table. usable reports whether rows can be
// read all the same: no column has another type, and none is missing that may not be null.
func checkColumns(file *parquet.Schema, table *schemas.Table) (problems []error, usable bool) {
	usable = true
	bad := func(column, format string, args ...any) {
		problems = append(problems, &validate.SchemaError{Column: column, Problem: fmt.Sprintf(format, args...)})
	}
	want := table.Parquet()
	var missing []string
	for _, path := range want.Columns() {
		name := strings.Join(path, ".")
		w, _ := want.Lookup(path...)
		have, ok := file.Lookup(path...)
		top, _ := want.Lookup(path[0])
		switch {
		case !ok && hasField(file, path[0]) || ok && have.Node.Type().Kind() != w.Node.Type().Kind():
			bad(name, "has another type than the released %s", typeName(w.Node))
			usable = false
		case !ok:
			if !slices.Contains(missing, path[0]) {
				missing = append(missing, path[0])
			}
			usable = usable && w.MaxDefinitionLevel > 0 && (len(path) > 1 || top.Node != nil && top.Node.Optional())
		case have.MaxRepetitionLevel != w.MaxRepetitionLevel:
			bad(name, "is a list or is none, unlike the released column")
			usable = false
		case have.MaxDefinitionLevel > w.MaxDefinitionLevel:
			bad(name, "may be null, the released column may not")
		case have.MaxDefinitionLevel < w.MaxDefinitionLevel && !(table.Name == schemas.SamplesTable && name == "dataset"):
			// (Before format 1.1 samples.dataset could not be null.)
			bad(name, "may not be null, the released column may")
		}
	}
	if len(missing) > 0 {
		bad(strings.Join(missing, ", "), "is missing")
	}
	if p := misplaced(file, table); p != "" {
		bad(p, "stands elsewhere than the released column: a source's own columns come behind those")
	}
	return problems, usable
}

func hasField(s *parquet.Schema, name string) bool {
	return slices.ContainsFunc(s.Fields(), func(f parquet.Field) bool { return f.Name() == name })
}

func typeName(n parquet.Node) string { return strings.ToLower(n.Type().String()) }

// misplaced is the first released column that is not where it was released; those that are missing do not count.
func misplaced(file *parquet.Schema, table *schemas.Table) string {
	var names []string
	for _, f := range file.Fields() {
		names = append(names, f.Name())
	}
	released := slices.DeleteFunc(slices.Clone(table.Columns), func(c schemas.Column) bool { return !slices.Contains(names, c.Name) })
	for i, c := range released {
		if names[i] != c.Name {
			return c.Name
		}
	}
	return ""
}

// checkFormat checks what the file says of itself.
func checkFormat(r *shardfile.Reader, table string) error {
	text, ok := r.Lookup(schemas.MicropqKey)
	if !ok {
		return nil // another program rewrote it
	}
	var says struct{ Format, Table string }
	if err := json.Unmarshal([]byte(text), &says); err != nil {
		return &validate.SchemaError{Problem: fmt.Sprintf("the metadata %s is %q", schemas.MicropqKey, text)}
	}
	if err := schemas.CheckVersion(says.Format); err != nil {
		return err
	}
	if says.Table != table {
		return &validate.SchemaError{Problem: fmt.Sprintf("the file says that it holds %s", says.Table)}
	}
	return nil
}

// requiredNulls lists the columns that may be null in a file and not in its table.
func requiredNulls(file *parquet.Schema, table *schemas.Table) (columns []string) {
	for _, c := range table.Columns {
		if leaf, ok := file.Lookup(c.Name); ok && !c.Nullable && leaf.Node.Optional() {
			columns = append(columns, c.Name)
		}
	}
	return columns
}

// classNames are the names of the values of columns that are class labels, from the features that the file's
// metadata has.
func classNames(r *shardfile.Reader) map[string][]string {
	text, ok := r.Lookup(schemas.HuggingFaceKey)
	if !ok {
		return nil
	}
	var says struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(text), &says) != nil {
		return nil
	}
	names := map[string][]string{}
	for column, feature := range says.Info.Features {
		var label struct {
			Type  string   `json:"_type"`
			Names []string `json:"names"`
		}
		if json.Unmarshal(feature, &label) == nil && label.Type == "ClassLabel" {
			names[column] = label.Names
		}
	}
	return names
}
