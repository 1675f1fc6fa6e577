package vqa

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/schemas"
)

// item is a record taken apart.
type item struct {
	l      *layout
	record itemfile.Record
	id     string
	split  string
	values []any // of the layout's columns
}

// get is the value of a column of the source, nil where there is none.
func (it *item) get(name string) any {
	if i, ok := it.l.at[name]; ok {
		return it.values[i]
	}
	return nil
}

// fail blames a column or field of the item.
func (it *item) fail(where string, err error) error {
	return &itemfile.Error{File: it.record.File, Row: it.record.Row, Sample: it.id, Where: where, Err: err}
}

// sampleID is the id of an item by the value of its id column.
func sampleID(m *Map, r itemfile.Record, v any) (string, error) {
	if m.ID == "" {
		stem, _, _ := strings.Cut(r.File[strings.LastIndexByte(r.File, '/')+1:], ".")
		return fmt.Sprintf("%s-%06d", stem, r.Row), nil
	}
	id := itemfile.Text(v)
	if id == nil || *id == "" {
		return "", &itemfile.Error{File: r.File, Row: r.Row, Where: m.ID, Err: errors.New("the item has no id")}
	}
	return *id, nil
}

// sampleRow is a row of samples and its columns of the source.
type sampleRow struct {
	Sample
	own []any
}

// samples makes a row for each of the item's images, one for none.
func (it *item) samples(images []schemas.Image) ([]*sampleRow, error) {
	own, err := it.own()
	if err != nil {
		return nil, err
	}
	base := schemas.Sample{
		Dataset: itemfile.Text(it.get(it.l.m.Dataset)),
		GroupID: itemfile.Text(it.get(it.l.m.Group)),
		Split:   it.split,
		Source:  fmt.Sprintf("%s#%d", it.record.File, it.record.Row),
		Licence: spdx(itemfile.Text(it.get(it.l.m.ItemLicence))),
	}
	if it.record.Document {
		base.Source = it.record.File
	}
	if um, ok := it.pixelSize(); ok {
		from := schemas.FromFile
		base.PixelSizeUM, base.PixelSizeSource = []float64{um, um}, &from
	}
	var rows []*sampleRow
	for i := range max(1, len(images)) {
		row := &sampleRow{Sample: Sample{Sample: base, Extra: it.extra()}, own: own}
		row.SampleID = it.imageID(i)
		if i < len(images) {
			row.Image = &images[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// pixelSize is the number that the source was written with, in the type of its column.
func (it *item) pixelSize() (um float64, ok bool) {
	i, ok := it.l.at[it.l.m.PixelSize]
	if !ok {
		return 0, false
	}
	v, err := itemfile.Coerce(&it.l.columns[i], it.values[i])
	if err != nil {
		return 0, false // own reports it
	}
	um, ok = itemfile.Number(v)
	return um, ok && um > 0
}

// imageID is the sample id of image i.
func (it *item) imageID(i int) string {
	if i == 0 {
		return it.id
	}
	return fmt.Sprintf("%s#%d", it.id, i)
}

// own are the values of the columns added to samples.
func (it *item) own() ([]any, error) {
	values := make([]any, 0, len(it.l.own)+1)
	if it.l.resolve != nil {
		values = append(values, it.resolved())
	}
	for k, i := range it.l.own {
		v, err := itemfile.Coerce(&it.l.ownTypes[k], it.values[i])
		if err != nil {
			return nil, it.fail(it.l.columns[i].Name, err)
		}
		values = append(values, v)
	}
	return values, nil
}

// resolved is the repaired name of the data set, nil where there is nothing to repair.
func (it *item) resolved() any {
	if it.l.resolve == nil || it.get(it.l.m.Dataset) != nil {
		return nil
	}
	if name := it.l.resolve(it.get); name != "" {
		return name
	}
	return nil
}

func (it *item) extra() *string {
	extra := map[string]any{}
	for _, i := range it.l.extra {
		if it.values[i] != nil {
			extra[it.l.columns[i].Name] = it.values[i]
		}
	}
	return jsonOrNil(extra)
}

func jsonOrNil(m map[string]any) *string {
	if len(m) == 0 {
		return nil
	}
	s := itemfile.ToJSON(m)
	return &s
}

// ccLicence is how people write the licences of Creative Commons.
var ccLicence = regexp.MustCompile(`^(?i)cc[ -]by((?:[ -](?:nc|nd|sa))*)[ -]([1-4]\.[05])$`)

// spdx is the SPDX identifier of a licence, nil where it is none.
func spdx(licence *string) *string {
	if licence == nil {
		return nil
	}
	s := strings.TrimSpace(*licence)
	if m := ccLicence.FindStringSubmatch(s); m != nil {
		s = "CC-BY" + strings.ToUpper(strings.ReplaceAll(m[1], " ", "-")) + "-" + m[2]
		return &s
	}
	switch strings.ToLower(strings.NewReplacer(" ", "-").Replace(s)) {
	case "cc0", "cc0-1.0":
		s = "CC0-1.0"
	case "mit":
		s = "MIT"
	case "apache-2.0":
		s = "Apache-2.0"
	default:
		return nil
	}
	return &s
}
