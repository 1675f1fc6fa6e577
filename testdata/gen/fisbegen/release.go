package fisbegen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/micropq/micropq/internal/nd"
)

// ErrNotEmpty is returned for a folder that holds files: a release is never mixed with
// what was there.
var ErrNotEmpty = errors.New("the folder is not empty: give a new one")

// ListName is the file that lists the samples of each split.
const ListName = "sample_list_per_split.txt"

// Generate writes a release into dir, which must be absent or empty, and returns its
// samples. What it wrote before an error stays.
func Generate(ctx context.Context, dir string, o Options) ([]Sample, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	}
	samples := o.samples()
	for i, s := range samples {
		defect := ""
		if i == 0 {
			defect = o.Defect
		}
		if err := writeSample(ctx, filepath.Join(dir, filepath.FromSlash(s.Folder())), s, o, defect); err != nil {
			return nil, fmt.Errorf("sample %s: %w", s.Name, err)
		}
	}
	if err := writeTexts(dir, samples, o); err != nil {
		return nil, err
	}
	if !o.Zip {
		return samples, nil
	}
	for _, subset := range o.Subsets {
		if err := writeZip(ctx, dir, subset); err != nil {
			return nil, err
		}
	}
	return samples, nil
}

// Content is what a release made with these options holds for one of its samples.
func (o Options) Content(s Sample) *Volume { return newVolume(s.Seed, o.withDefaults()) }

// writeSample writes one sample's zarr group.
func writeSample(ctx context.Context, dir string, s Sample, o Options, defect string) error {
	volumes := filepath.Join(dir, "volumes")
	for _, group := range []string{dir, volumes} {
		if err := writeGroup(group); err != nil {
			return err
		}
	}
	v := newVolume(s.Seed, o)
	compressor, err := ParseCompressor(o.Compressor)
	if err != nil {
		return err
	}
	raw := array{
		dir: filepath.Join(volumes, "raw"), shape: v.Shape, dtype: "<u2", itemSize: 2,
		chunks: cut(o.Chunks, v.Shape), compressor: compressor, absent: o.Absent, read: v.Raw,
	}
	labels := array{
		dir: filepath.Join(volumes, "gt_instances"), shape: v.LabelShape, dtype: o.LabelType, itemSize: v.LabelSize,
		chunks: cut(o.Chunks, v.LabelShape), compressor: compressor, absent: o.Absent, read: v.Labels,
	}
	// A shape that claims too much is written as it is: without chunks.
	if defect == hugeShape {
		return plantHugeShape(raw, labels, v)
	}
	if err := raw.write(ctx); err != nil {
		return err
	}
	if err := labels.write(ctx); err != nil {
		return err
	}
	if err := writeAttributes(labels, v); err != nil {
		return err
	}
	return plant(defect, raw, labels)
}

func writeAttributes(labels array, v *Volume) error {
	return writeJSON(filepath.Join(labels.dir, ".zattrs"), map[string][]int{"dim_neurons": v.DimNeurons()})
}

// cut limits chunks to the array's shape, as zarr-python does when it chooses them.
func cut(chunks, shape []int) []int {
	out := make([]int, len(shape))
	for i := range shape {
		out[i] = max(min(chunks[i], shape[i]), 1)
	}
	return out
}

// writeTexts writes the list of samples and the note on where the release comes from.
func writeTexts(dir string, samples []Sample, o Options) error {
	if err := os.WriteFile(filepath.Join(dir, ListName), []byte(list(samples)), 0o644); err != nil {
		return err
	}
	note := "# Provenance\n\n" +
		"Made-up volumes in the layout of the FISBe release (https://doi.org/10.5281/zenodo.10875063): no voxel of it is real.\n" +
		"Written by micropq's own generator; this command makes the same bytes again, DIR being this folder:\n\n" +
		"    " + o.Command() + "\n"
	return os.WriteFile(filepath.Join(dir, "PROVENANCE.md"), []byte(note), 0o644)
}

// Whole is the region of all of a sample's raw volume, WholeLabels that of its ground truth.
func (v *Volume) Whole() nd.Region { return nd.Whole(v.Shape) }

// WholeLabels is the region of all of a sample's ground truth.
func (v *Volume) WholeLabels() nd.Region { return nd.Whole(v.LabelShape) }
