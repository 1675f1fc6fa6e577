package arrays

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/schemas"
)

// RowsDetail is what the plan keeps of a task of samples or instances.
type RowsDetail struct {
	Samples []string `json:"samples"`
}

// previewBytes is about what a preview takes; it decides the shards of samples.
const previewBytes = 1 << 20

// PlanTasks lays samples, which are sorted by id, out over shards of about target bytes:
// split by split their chunks, then, from the facts of those, their instances and samples.
func PlanTasks(samples []Sample, target int64) ([]convert.Task, error) {
	splits := map[string][]Sample{}
	for _, s := range samples {
		splits[s.Split] = append(splits[s.Split], s)
	}
	var chunks, rest []convert.Task
	for _, split := range slices.Sorted(maps.Keys(splits)) {
		ts, err := PlanChunks(split, splits[split], target)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, ts...)
		for _, table := range []string{schemas.InstancesTable, schemas.SamplesTable} {
			ts, err := planRows(table, split, splits[split], target)
			if err != nil {
				return nil, err
			}
			rest = append(rest, ts...)
		}
	}
	return append(chunks, rest...), nil
}

// planRows lays the rows of the samples of one split out over shards of about target bytes.
func planRows(table, split string, samples []Sample, target int64) ([]convert.Task, error) {
	var details []RowsDetail
	size := int64(0)
	for _, sm := range samples {
		n := int64(previewBytes)
		if table == schemas.InstancesTable {
			n = labelBytes(sm)
		}
		if len(details) == 0 || size+n > target {
			details, size = append(details, RowsDetail{}), 0
		}
		size += n
		d := &details[len(details)-1]
		d.Samples = append(d.Samples, sm.ID)
	}
	tasks := make([]convert.Task, len(details))
	for i, d := range details {
		b, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		tasks[i] = convert.Task{Table: table, Split: split, Index: i, Count: len(details), Stage: 1, Detail: b}
		tasks[i].Chain = tasks[i].Path()
	}
	return tasks, nil
}

// labelBytes is what the source keeps for a sample's labels: runs take about as much.
func labelBytes(sm Sample) (n int64) {
	for _, a := range sm.Arrays {
		if a.Role == schemas.RoleLabels {
			n += a.Stored
		}
	}
	return n
}

// ParseRowsDetail reads the RowsDetail of a task.
func ParseRowsDetail(t convert.Task) (d RowsDetail, err error) {
	if err := json.Unmarshal(t.Detail, &d); err != nil {
		return d, fmt.Errorf("task %s: %w", t.Path(), err)
	}
	return d, nil
}

// RowSession writes the rows of samples and instances, sample by sample: it is the session
// of the tasks with a RowsDetail. A converter says what the rows are.
type RowSession struct {
	// Write writes the rows of one sample into a shard of the table.
	Write func(ctx context.Context, table, sample string, w *convert.Shard) error
}

// Run implements convert.Session.
func (r RowSession) Run(ctx context.Context, t convert.Task, w *convert.Shard) (any, error) {
	d, err := ParseRowsDetail(t)
	if err != nil {
		return nil, err
	}
	for _, id := range d.Samples {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := r.Write(ctx, t.Table, id, w); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Close implements convert.Session.
func (r RowSession) Close() error { return nil }
