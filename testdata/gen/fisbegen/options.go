package fisbegen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Subsets are the subsets of the published data set, in its order.
var Subsets = []string{"completely", "partly"}

// Splits are the splits of a subset, in the published order.
var Splits = []string{"train", "val", "test"}

// labelTypes maps the names of label types to their size in bytes and largest id.
var labelTypes = map[string]struct{ size, maxID int }{
	"|u1": {1, 1<<8 - 1}, "|i1": {1, 1<<7 - 1},
	"<u2": {2, 1<<16 - 1}, "<i2": {2, 1<<15 - 1},
	"<u4": {4, 1<<31 - 1}, "<i4": {4, 1<<31 - 1},
}

// maxSide keeps a voxel's distances, in sixteenths squared, inside 64 bits.
const maxSide = 1 << 20

// Options say what a release contains. The zero value is a small release of one sample.
type Options struct {
	Samples    int      // samples in each subset; 1
	Subsets    []string // "completely", "partly"; completely
	Shape      []int    // of volumes/raw, CZYX; 3,96,128,128
	Neurons    int      // neurons of a sample, one channel each; 4
	Empty      int      // further ground truth channels without a voxel
	IDs        bool     // a neuron's voxels hold its id, not 1
	LabelType  string   // zarr data type of volumes/gt_instances; |u1
	Chunks     []int    // of both arrays, CZYX, cut to the shape; 1,50,175,175
	Compressor string   // as ParseCompressor reads it; gzip
	Absent     bool     // leave out chunks that hold nothing but the fill value
	Zip        bool     // write the subset's archive beside its folder
	Defect     string   // one of DefectNames, planted in the first sample
	Seed       uint64
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Samples == 0 {
		o.Samples = 1
	}
	if len(o.Subsets) == 0 {
		o.Subsets = Subsets[:1]
	}
	if len(o.Shape) == 0 {
		o.Shape = []int{3, 96, 128, 128}
	}
	if o.Neurons == 0 {
		o.Neurons = 4
	}
	if o.LabelType == "" {
		o.LabelType = "|u1"
	}
	if len(o.Chunks) == 0 {
		// What zarr-python 2 chooses for a volume of the published size.
		o.Chunks = []int{1, 50, 175, 175}
	}
	if o.Compressor == "" {
		o.Compressor = "gzip"
	}
	return o
}

// Validate reports every option that cannot be met, joined.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Samples < 0 || o.Samples > maxSamples {
		bad("samples: %d, want 1 to %d", o.Samples, maxSamples)
	}
	for _, s := range o.Subsets {
		if !slices.Contains(Subsets, s) {
			bad("subset %q: want one of %v", s, Subsets)
		}
	}
	for _, d := range []struct {
		name string
		dims []int
	}{{"shape", o.Shape}, {"chunks", o.Chunks}} {
		if len(d.dims) != 4 || slices.Min(d.dims) < 1 || slices.Max(d.dims) > maxSide {
			bad("%s %v: want four sizes CZYX, each from 1 to %d", d.name, d.dims, maxSide)
		}
	}
	if o.Neurons < 0 || o.Empty < 0 {
		bad("neurons %d, empty %d: want no negative number", o.Neurons, o.Empty)
	}
	if t, ok := labelTypes[o.LabelType]; !ok {
		bad("label type %q: want |u1, |i1, <u2, <i2, <u4 or <i4", o.LabelType)
	} else if o.Neurons+o.Empty > t.maxID {
		bad("%d channels: their ids do not fit label type %s", o.Neurons+o.Empty, o.LabelType)
	}
	if _, err := ParseCompressor(o.Compressor); err != nil {
		errs = append(errs, err)
	}
	if err := o.validateDefect(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (o Options) labels() string {
	if o.IDs {
		return "ids"
	}
	return "binary"
}

// Command is the command that makes the release again; DIR stands for its folder.
func (o Options) Command() string {
	o = o.withDefaults()
	s := fmt.Sprintf("go run ./testdata/gen fisbe -o DIR -samples %d -subset %s -shape %s -neurons %d -empty %d -labels %s -dtype '%s' -chunks %s -compressor %s -seed %d",
		o.Samples, strings.Join(o.Subsets, ","), commas(o.Shape), o.Neurons, o.Empty, o.labels(), o.LabelType, commas(o.Chunks), o.Compressor, o.Seed)
	if o.Absent {
		s += " -absent"
	}
	if o.Zip {
		s += " -zip"
	}
	if o.Defect != "" {
		s += " -defect " + o.Defect
	}
	return s
}

func commas(dims []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(dims), "[]"), " ", ",")
}
