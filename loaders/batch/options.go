package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
)

// Source is a data set to draw from.
type Source struct {
	Dataset *loaders.Dataset
	// Weight is its share of the items where there are several sources. With all weights 0
	// every item of every source is drawn once an epoch.
	Weight float64
}

// Kind is the kind of an item.
type Kind string

// The kinds of items.
const (
	Crops Kind = "crops"
	Tiles Kind = "tiles"
	// WholeItems are questions with the images of their samples.
	WholeItems Kind = "items"
)

// OnError is what a damaged item does.
type OnError string

// What a damaged item does.
const (
	Fail OnError = "fail" // it ends the run with its error
	Skip OnError = "skip" // it is left out of its batch and reported
)

// Options say what to draw. Size is required, but for whole items. In JSON they are one flat object with the names of the
// flags of micropq stream; see UnmarshalJSON.
type Options struct {
	Split  string   `json:"split,omitzero"`  // of the samples, "" for all
	Sample string   `json:"sample,omitzero"` // glob of their ids, "" for all
	Arrays []string `json:"array,omitempty"` // the first decides the grid; all must have its spatial shape; nil for raw
	Level  int      `json:"level,omitzero"`  // pyramid level
	Kind   Kind     `json:"kind,omitzero"`   // "" for Crops
	Size   []int    `json:"size,omitempty"`  // extent along Z, Y, X or Y, X, in elements of the level

	// Of crops.
	Count      int64   `json:"count,omitzero"`      // in an epoch; 0 for as many as cover the samples once
	Foreground float64 `json:"foreground,omitzero"` // share of crops centred on an instance, 0 to 1
	Labels     string  `json:"labels,omitzero"`     // label array of those instances; "" for the first label array of Arrays
	ByClass    bool    `json:"by-class,omitzero"`   // each class, then each instance of it, is equally likely; else each instance

	// Of tiles.
	Overlap []int `json:"overlap,omitempty"` // elements that neighbouring tiles share, along each axis of Size

	// The fields of these stand among the others in JSON.
	Items     ItemOptions    `json:"-"` // of whole items
	Transform Transform      `json:"-"` // what becomes of what is read
	Shuffle   draw.Shuffle   `json:"-"` // of tiles and whole items; crops need its seed alone
	Partition draw.Partition `json:"-"`

	Epochs  int64       `json:"epochs,omitzero"`   // to draw; 0 for 1, -1 for no end
	State   *draw.State `json:"state,omitzero"`    // to go on from
	OnError OnError     `json:"on-error,omitzero"` // "" for Fail

	// Of the process that draws, and not in JSON.
	Memory    int64             `json:"-"` // bytes of batches, also the one with the caller, of reads under way and of chunks kept; 0 for 1 GiB
	Workers   int               `json:"-"` // batches read at the same time; 0 for all processors
	OnSkipped func(Item, error) `json:"-"`
}

func (o Options) withDefaults() Options {
	o.Partition, o.Shuffle = o.Partition.WithDefaults(), o.Shuffle.WithDefaults()
	if o.Kind == "" {
		o.Kind = Crops
	}
	if len(o.Arrays) == 0 && o.Kind != WholeItems {
		o.Arrays = []string{"raw"}
	}
	if o.OnError == "" {
		o.OnError = Fail
	}
	if o.Epochs == 0 {
		o.Epochs = 1
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.OnSkipped == nil {
		o.OnSkipped = func(Item, error) {}
	}
	return o
}

// Validate reports every problem at once.
func (o Options) Validate() error {
	o = o.withDefaults()
	errs := []error{o.Partition.Validate(), o.Shuffle.Validate()}
	check := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if o.Kind != WholeItems {
		check(len(o.Size) < 2 || len(o.Size) > 3, "size %v: want Z,Y,X or Y,X", o.Size)
		check(len(o.Size) > 0 && (slices.Min(o.Size) < 1 || slices.Max(o.Size) > math.MaxInt32), "size %v: want extents from 1 to %d", o.Size, math.MaxInt32)
		check(!o.Items.isZero(), "the kind, type and data set of questions, and decode, are for whole items")
	}
	errs = append(errs, o.Transform.check(&o))
	check(o.Count < 0 || o.Count > draw.MaxItems, "%d crops: want a number up to %d", o.Count, int64(draw.MaxItems))
	check(!(o.Foreground >= 0 && o.Foreground <= 1), "foreground %v: want a share from 0 to 1", o.Foreground)
	check(o.Epochs < -1, "%d epochs: want a positive number, or -1 for no end", o.Epochs)
	check(o.Memory < 0 || o.Workers < 0, "memory %d, workers %d: want positive numbers", o.Memory, o.Workers)
	check(o.OnError != Fail && o.OnError != Skip, "on-error %q: want %s or %s", o.OnError, Fail, Skip)
	switch o.Kind {
	case Crops:
		check(o.Shuffle.Seed == nil, "%w", draw.ErrNoSeed)
		check(len(o.Overlap) > 0, "overlap is for tiles")
		check(o.Shuffle.Mode != draw.ModeNone, "crops are drawn at random: shuffle is for tiles")
	case Tiles:
		check(o.Foreground > 0 || o.Count > 0, "count and foreground are for crops")
		check(len(o.Overlap) > 0 && len(o.Overlap) != len(o.Size), "overlap %v: want one number an axis of size %v", o.Overlap, o.Size)
		for i := range min(len(o.Overlap), len(o.Size)) {
			check(o.Overlap[i] < 0 || o.Overlap[i] >= o.Size[i], "overlap %v: want less than size %v and not less than 0", o.Overlap, o.Size)
		}
	case WholeItems:
		o.checkItems(check)
	default:
		check(true, "kind %q: want %s, %s or %s", o.Kind, Crops, Tiles, WholeItems)
	}
	return errors.Join(errs...)
}

// drawing is the fingerprint of everything that decides which item is at which position, and what it
// holds.
func drawing(sources []Source, o Options) (string, error) {
	type set struct {
		Shards []string // sha256 of each shard
		Weight float64
	}
	var sets []set
	for _, s := range sources {
		v := set{Weight: s.Weight}
		for _, shard := range s.Dataset.Manifest().Shards {
			v.Shards = append(v.Shards, shard.SHA256)
		}
		sets = append(sets, v)
	}
	b, err := json.Marshal(struct {
		Sets          []set
		Split, Sample string
		Arrays        []string
		Level         int
		Kind          Kind
		Size, Overlap []int
		Count         int64
		Foreground    float64
		Labels        string
		ByClass       bool
		Shuffle       draw.Shuffle
		Items         ItemOptions `json:",omitzero"`
		Transform     Transform   `json:",omitzero"`
	}{sets, o.Split, o.Sample, o.Arrays, o.Level, o.Kind, o.Size, o.Overlap, o.Count, o.Foreground, o.Labels, o.ByClass, o.Shuffle, o.Items, o.Transform})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}
