package labels

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// maxClinical bounds a clinical table, in bytes.
const maxClinical = 16 << 20

// clinicalTable is the table of a layout's Clinical.
type clinicalTable struct {
	columns   []schemas.Column // of all but the section, technique and diagnosis
	rows      map[string]clinicalRow
	technique bool // rows are known by technique too
}

type clinicalRow struct {
	diagnosis *string
	values    []any
}

// readClinical reads the table; taken are the names of columns that samples has already.
func readClinical(ctx context.Context, s store.Store, c *Clinical, taken []string) (*clinicalTable, error) {
	data, err := s.Get(ctx, c.Path, nil, maxClinical)
	if err != nil {
		return nil, fmt.Errorf("clinical table: %w", err)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	head, err := r.Read()
	if err != nil {
		return nil, convert.Inputf(c.Path, "", "clinical table: %w", err)
	}
	t := &clinicalTable{rows: map[string]clinicalRow{}, technique: c.Technique != ""}
	at, err := c.headings(head)
	if err != nil {
		return nil, err
	}
	var kept []int
	for i, h := range head {
		if slices.Contains(at[:], i) {
			continue
		}
		name := columnName(h)
		if slices.Contains(taken, name) {
			name = "clinical_" + name
		}
		taken = append(taken, name)
		kept = append(kept, i)
		t.columns = append(t.columns, schemas.Column{Name: name, Type: schemas.TypeString, Nullable: true, Doc: fmt.Sprintf("column %q of the clinical table", h)})
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, convert.Inputf(c.Path, "", "clinical table: %w", err)
		}
		if err := t.add(c, record, at, kept); err != nil {
			return nil, err
		}
	}
}

// The columns that a layout names.
const (
	sectionColumn = iota
	techniqueColumn
	diagnosisColumn
	namedColumns
)

// headings finds the columns that the layout names, -1 for one it does not.
func (c *Clinical) headings(head []string) (at [namedColumns]int, err error) {
	for i, want := range []string{c.Section, c.Technique, c.Diagnosis} {
		at[i] = slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), want) })
		if at[i] < 0 && want != "" {
			return at, convert.Inputf(c.Path, "", "clinical table: no column %q among %s: name its columns in the layout", want, strings.Join(head, ", "))
		}
	}
	return at, nil
}

func (t *clinicalTable) add(c *Clinical, record []string, at [namedColumns]int, kept []int) error {
	row := clinicalRow{values: make([]any, len(kept))}
	for i, k := range kept {
		if v := strings.TrimSpace(record[k]); v != "" {
			row.values[i] = v
		}
	}
	technique := ""
	if t.technique {
		technique = strings.TrimSpace(record[at[techniqueColumn]])
	}
	if i := at[diagnosisColumn]; i >= 0 {
		if v := strings.TrimSpace(record[i]); v != "" {
			row.diagnosis = &v
		}
	}
	name := strings.TrimSpace(record[at[sectionColumn]])
	key := clinicalKey(technique, name)
	if _, twice := t.rows[key]; twice {
		return convert.Inputf(c.Path, "", "clinical table: two rows for section %q", strings.TrimSpace(technique+" "+name))
	}
	t.rows[key] = row
	return nil
}

func clinicalKey(technique, name string) string {
	return strings.ToLower(technique) + "\x00" + name
}

// of is the row of a section; one without a row has nulls.
func (t *clinicalTable) of(s *section) clinicalRow {
	if t == nil {
		return clinicalRow{}
	}
	if row, ok := t.rows[t.key(s)]; ok {
		return row
	}
	return clinicalRow{values: make([]any, len(t.columns))}
}

// has reports whether a section has a row, or there is no table for one.
func (t *clinicalTable) has(s *section) bool {
	if t == nil {
		return true
	}
	_, ok := t.rows[t.key(s)]
	return ok
}

func (t *clinicalTable) key(s *section) string {
	if !t.technique {
		return clinicalKey("", s.name)
	}
	return clinicalKey(s.technique, s.name)
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// columnName makes a column's name of a heading: small letters, digits and underscores.
func columnName(heading string) string {
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(heading), "_"), "_")
	if name == "" {
		return "column"
	}
	return name
}
