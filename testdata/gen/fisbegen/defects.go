package fisbegen

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

const (
	hugeShape     = "huge-shape"
	negativeLabel = "negative-label"
	bitflipChunk  = "bitflip-chunk"
	gridMismatch  = "grid-mismatch"
)

// defects damage a sample that has been written, each in exactly one way. Damage to a chunk
// is done to the first.
var defects = map[string]func(raw, labels array) error{
	// One ground truth voxel holds -1.
	negativeLabel: plantNegativeLabel,
	// The ground truth is one voxel narrower than raw.
	gridMismatch: func(_, labels array) error {
		labels.shape = slices.Clone(labels.shape)
		labels.shape[3]--
		return labels.writeMetadata()
	},
	// A raw chunk ends in the middle.
	"truncated-chunk": func(raw, _ array) error {
		return editFile(raw.path(first), func(b []byte) []byte { return b[:len(b)/2] })
	},
	// One bit of a raw chunk's compressed bytes is wrong.
	bitflipChunk: func(raw, _ array) error {
		return editFile(raw.path(first), func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b })
	},
	// A raw chunk decompresses to a mebibyte more than its shape.
	"inflate-past-shape": func(raw, _ array) error {
		return raw.store(first, append(raw.chunk(first), make([]byte, 1<<20)...))
	},
	// raw names a compressor that only specialists have.
	"unsupported-codec": func(raw, _ array) error {
		raw.compressor = Compressor{metadata: json.RawMessage(`{"id":"zfpy","mode":4}`)}
		return raw.writeMetadata()
	},
	// Both arrays claim 10^12 voxels a channel and have no chunk: see plantHugeShape.
	hugeShape: func(_, _ array) error { return nil },
}

var first = []int{0, 0, 0, 0}

// DefectNames lists the defects that a release can be asked to contain.
func DefectNames() []string { return slices.Sorted(maps.Keys(defects)) }

// validateDefect refuses a defect that the other options hide.
func (o Options) validateDefect() error {
	if _, ok := defects[o.Defect]; !ok && o.Defect != "" {
		return fmt.Errorf("defect %q: want one of %s", o.Defect, strings.Join(DefectNames(), ", "))
	}
	switch kind, _, _ := strings.Cut(o.Compressor, ":"); {
	case o.Defect == negativeLabel && !strings.Contains(o.LabelType, "i"):
		return fmt.Errorf("defect %s: label type %s has no sign, want |i1, <i2 or <i4", o.Defect, o.LabelType)
	case o.Defect == bitflipChunk && kind != "gzip" && kind != "zlib":
		return fmt.Errorf("defect %s: %s has no checksum to notice it, want gzip or zlib", o.Defect, o.Compressor)
	case o.Defect == gridMismatch && len(o.Shape) == 4 && o.Shape[3] < 2:
		return fmt.Errorf("defect %s: want at least 2 voxels along x", o.Defect)
	}
	return nil
}

// plant damages a sample; the empty name leaves it whole.
func plant(name string, raw, labels array) error {
	if name == "" {
		return nil
	}
	return defects[name](raw, labels)
}

func plantNegativeLabel(_, labels array) error {
	data := labels.chunk(first)
	for i := range labels.itemSize {
		data[i] = 0xff // two's complement: all bits set are -1
	}
	return labels.store(first, data)
}

// plantHugeShape writes both arrays' metadata and nothing else: less than 4 KiB on disk.
func plantHugeShape(raw, labels array, v *Volume) error {
	for _, a := range []array{raw, labels} {
		a.shape = []int{a.shape[0], 10000, 10000, 10000}
		if err := os.MkdirAll(a.dir, 0o755); err != nil {
			return err
		}
		if err := a.writeMetadata(); err != nil {
			return err
		}
	}
	return writeAttributes(labels, v)
}

// editFile rewrites a file with what edit makes of it.
func editFile(path string, edit func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, edit(b), 0o644)
}
