// Package table writes the measurements of annotations as a table (CSV), the one that
// annotate measure writes, and gives them to formats that keep measurements with an object.
//
// A table holds no masks, so there is nothing to read from it.
package table

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/micropq/micropq/annotate"
	"github.com/micropq/micropq/annotate/exchange"
)

// Format implements exchange.Format.
type Format struct{}

// Name implements exchange.Format.
func (Format) Name() string { return "csv" }

// Matches implements exchange.Format.
func (Format) Matches(name string) bool { return strings.HasSuffix(name, ".csv") }

// measured measures all objects, specks too.
func measured(ctx context.Context, c *exchange.Canvas, objects []exchange.Object) (*annotate.MeasuredLayer, error) {
	l := annotate.Layer{Name: c.Sample, Array: c.Array, Axes: c.Axes, Depth: c.Z, Height: c.Y, Width: c.X}
	for i := range c.PixelSizeUM {
		l.PixelSizeUM[2-i] = c.PixelSizeUM[len(c.PixelSizeUM)-1-i]
	}
	instances := make([]annotate.Instance, len(objects))
	for i := range objects {
		instances[i] = annotate.Instance{ID: objects[i].ID, Mask: objects[i].Mask}
	}
	return annotate.Measure(ctx, annotate.Held(l, instances), annotate.MeasureOptions{SpeckArea: -1})
}

// Write implements exchange.Format.
func (Format) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, _ exchange.Options) (r exchange.Report, err error) {
	m, err := measured(ctx, c, objects)
	if err != nil {
		return r, err
	}
	return exchange.Report{Objects: len(objects)}, exchange.Create(path, func(w io.Writer) error {
		return annotate.WriteCSV(w, []*annotate.MeasuredLayer{m}, annotate.RuleNTM)
	})
}

// Read implements exchange.Format.
func (Format) Read(context.Context, string, *exchange.Canvas) ([]exchange.Object, error) {
	return nil, fmt.Errorf("%w: a table of measurements holds no masks, and measurements follow from masks", exchange.ErrInput)
}

// Measure gives objects their measurements, by the names of the table's columns; those that
// are no number are left out.
func Measure(ctx context.Context, c *exchange.Canvas, objects []exchange.Object) error {
	layer, err := measured(ctx, c, objects)
	if err != nil {
		return err
	}
	byID := make(map[int64]*annotate.Measured, len(objects))
	for i := range layer.Instances {
		byID[layer.Instances[i].ID] = &layer.Instances[i]
	}
	for i := range objects {
		if objects[i].Measurements, err = numbers(byID[objects[i].ID]); err != nil {
			return err
		}
	}
	return nil
}

// numbers are the numbers among measurements, by name.
func numbers(m *annotate.Measured) ([]exchange.Measurement, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var list []exchange.Measurement
	for name, v := range all {
		if n, ok := v.(float64); ok && name != "instance_id" {
			list = append(list, exchange.Measurement{Name: name, Value: n})
		}
	}
	slices.SortFunc(list, func(a, b exchange.Measurement) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
