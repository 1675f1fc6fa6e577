package annotate

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/micropq/micropq/internal/measure"
	"github.com/micropq/micropq/schemas"
)

// Columns that stand in the published table and are not measured here: the file, the label,
// and a count that the published code never raises.
const (
	fileColumn     = "FileName"
	idColumn       = "Fibre_ID"
	contoursColumn = "Multi_Contour_Detected"
	ruleColumn     = "passes_shape_rule"
)

// publishedZero are the columns for which the published table has 0 where we have null.
var publishedZero = map[string]string{
	"Fiber_Width_Ellipse": "0", "Fiber_Length_Ellipse": "0",
	"Aspect_Ratio_Ellipse": "0.0", "lengthsquared_by_Area_Ellipse": "0.0",
}

// column is a measurement: the names come from the parquet tags of package measure.
type column struct {
	name  string
	index []int
}

func columnsOf(t reflect.Type) (columns []column) {
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("parquet"), ","); name != "" {
			columns = append(columns, column{name, f.Index})
		}
	}
	return columns
}

var (
	publishedColumns = columnsOf(reflect.TypeFor[measure.NCLSM]())
	shapeColumns     = columnsOf(reflect.TypeFor[measure.Shape]())
	solidColumns     = columnsOf(reflect.TypeFor[measure.Solid]())
	boxColumns       = columnsOf(reflect.TypeFor[schemas.BBox]())
	centroidColumns  = columnsOf(reflect.TypeFor[schemas.Point]())
)

// text writes a value as numpy and pandas do: True, 1.0, the shortest number that reads back.
func (c column) text(of reflect.Value) string {
	v := of.FieldByIndex(c.index)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return "True"
		}
		return "False"
	case reflect.Float64:
		s := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	return strconv.FormatInt(v.Int(), 10)
}

// table is one kind of CSV table.
type table struct {
	header []string
	row    func(l *MeasuredLayer, m *Measured) []string
}

// flatTable begins with the published columns in their order.
func flatTable(rule string) table {
	published := publishedColumns
	var t table
	t.header = []string{fileColumn, idColumn}
	for _, c := range published {
		if c.name != ruleColumn {
			t.header = append(t.header, c.name)
		}
	}
	t.header = append(t.header, contoursColumn)
	if rule == RuleNTM {
		t.header = append(t.header, ruleColumn)
	}
	for _, c := range shapeColumns {
		t.header = append(t.header, c.name)
	}
	t.header = append(t.header, placeNames("YX")...)
	t.row = func(l *MeasuredLayer, m *Measured) []string {
		row := []string{l.Layer.Name, strconv.FormatInt(m.ID, 10)}
		of, passes := reflect.ValueOf(m.Flat.NCLSM), ""
		for _, c := range published {
			text := c.text(of)
			if c.name == ruleColumn {
				passes = text
				continue
			}
			if text == "" {
				text = publishedZero[c.name]
			}
			row = append(row, text)
		}
		row = append(row, "0")
		if rule == RuleNTM {
			row = append(row, passes)
		}
		for _, c := range shapeColumns {
			row = append(row, c.text(reflect.ValueOf(m.Flat.Shape)))
		}
		return append(row, place(m, "YX")...)
	}
	return t
}

func solidTable() table {
	t := table{header: []string{"sample_id", "instance_id"}}
	for _, c := range solidColumns {
		t.header = append(t.header, c.name)
	}
	t.header = append(t.header, placeNames("ZYX")...)
	t.row = func(l *MeasuredLayer, m *Measured) []string {
		row := []string{l.Layer.Name, strconv.FormatInt(m.ID, 10)}
		for _, c := range solidColumns {
			row = append(row, c.text(reflect.ValueOf(*m.Solid)))
		}
		return append(row, place(m, "ZYX")...)
	}
	return t
}

// placeNames are the names of the columns that say where an instance is.
func placeNames(axes string) (names []string) {
	for _, c := range boxColumns {
		if strings.Contains(axes, strings.ToUpper(c.name[:1])) {
			names = append(names, "bbox_"+c.name)
		}
	}
	for _, c := range centroidColumns {
		if strings.Contains(axes, strings.ToUpper(c.name)) {
			names = append(names, "centroid_"+c.name)
		}
	}
	return names
}

func place(m *Measured, axes string) (row []string) {
	for _, c := range boxColumns {
		if strings.Contains(axes, strings.ToUpper(c.name[:1])) {
			row = append(row, c.text(reflect.ValueOf(m.BBox)))
		}
	}
	for _, c := range centroidColumns {
		if strings.Contains(axes, strings.ToUpper(c.name)) {
			row = append(row, c.text(reflect.ValueOf(m.Centroid)))
		}
	}
	return row
}

// WriteCSV writes the instances of layers, all flat or all solid, as a table. In two
// dimensions the published columns come first, as NCL-SM writes them; of several layers the
// last column is the array.
func WriteCSV(w io.Writer, layers []*MeasuredLayer, rule string) error {
	t := flatTable(rule)
	if len(layers) > 0 && layers[0].Layer.Volume() {
		t = solidTable()
	}
	several := len(layers) > 1
	if several {
		t.header = append(t.header, "array")
	}
	out := csv.NewWriter(w)
	if err := out.Write(t.header); err != nil {
		return err
	}
	for _, l := range layers {
		for i := range l.Instances {
			row := t.row(l, &l.Instances[i])
			if several {
				row = append(row, l.Layer.Array)
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// MarshalJSON writes the measurements under the names of their columns.
func (m *Measured) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	member := func(name string, v any) error {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		text, err := json.Marshal(v)
		b.WriteString(strconv.Quote(name) + ":")
		b.Write(text)
		return err
	}
	parts := []any{m.BBox, m.Centroid}
	if m.Solid != nil {
		parts = append(parts, *m.Solid)
	} else {
		parts = append(parts, m.Flat.NCLSM, m.Flat.Shape)
	}
	if err := member("instance_id", m.ID); err != nil {
		return nil, err
	}
	for i, part := range parts {
		v, prefix := reflect.ValueOf(part), [...]string{"bbox_", "centroid_", "", ""}[i]
		for _, c := range columnsOf(v.Type()) {
			if err := member(prefix+c.name, v.FieldByIndex(c.index).Interface()); err != nil {
				return nil, err
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
