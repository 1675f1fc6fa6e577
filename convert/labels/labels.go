package labels

import (
	"errors"
	"fmt"
	"path"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/store"
)

// Names of arrays. That of a class mask is maskPrefix and the class in small letters.
const (
	rawArray       = "raw"
	instancesArray = "gt_instances"
	maskPrefix     = "mask_"
	// regionsPrefix and a class name the instances that are regions of a class mask. They are
	// numbered anew, so they are not the labels of an array.
	regionsPrefix = "regions_"
)

// unassigned is the split of samples that have none.
const unassigned = "unassigned"

// Kind is a data set, or a manner of arranging one, that this package converts.
type Kind struct {
	Name        string
	Description string
	Tags        []string
	// Recognise makes a layout of a listing where no layout file is given. location is where
	// the source lies, as the user gave it.
	Recognise func(infos []store.Info, location string) (*Layout, error)
	// Defaults fill in what a layout file leaves out: what the data set says of itself, the
	// group.
	Defaults Layout
	// Channels are the roles of the channels of an image that has as many and whose layout
	// names none.
	Channels []string
}

// Options choose what is converted and how it is laid out. The zero value converts
// everything with the defaults of the fields.
type Options struct {
	Layout     *Layout  // of the source; recognised where nil
	Techniques []string // empty for all
	Sections   []string // globs of section names or sample ids; empty for all
	Tile       [2]int   // extent of a chunk along Y and X, default 1024 each
	Levels     int      // pyramid levels, default 1: full resolution only
	Encoding   chunkcodec.Encoding
	ShardSize  int64 // target bytes of a shard, default 256 MiB
}

// Bounds of the options.
const (
	maxTile   = 1 << 14
	maxLevels = 12
	minShard  = 64 << 10
)

// Defaults fills in what is not set.
func (o Options) Defaults() Options {
	for i := range o.Tile {
		if o.Tile[i] == 0 {
			o.Tile[i] = 1024
		}
	}
	if o.Levels == 0 {
		o.Levels = 1
	}
	if o.Encoding == "" {
		o.Encoding = chunkcodec.ShuffleZstd
	}
	if o.ShardSize == 0 {
		o.ShardSize = 256 << 20
	}
	return o
}

// Validate reports every option that cannot be met.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	o = o.Defaults()
	for _, g := range o.Sections {
		if _, err := path.Match(g, ""); err != nil {
			bad("section pattern %q: %v", g, err)
		}
	}
	for _, t := range o.Tile {
		if t < 1 || t > maxTile {
			bad("tile extent %d: want 1 to %d", t, maxTile)
		}
	}
	if o.Levels < 1 || o.Levels > maxLevels {
		bad("%d levels: want 1 to %d", o.Levels, maxLevels)
	}
	if _, err := chunkcodec.Parse(string(o.Encoding)); err != nil {
		errs = append(errs, err)
	}
	if o.ShardSize < minShard {
		bad("shard size %d: want at least %d bytes", o.ShardSize, minShard)
	}
	return errors.Join(errs...)
}

// manifest is what the data set's manifest says of the options: those that decide its bytes.
func (o Options) manifest(l *Layout) map[string]any {
	return map[string]any{
		"layout":     l,
		"technique":  anys(o.Techniques),
		"section":    anys(o.Sections),
		"tile":       []any{o.Tile[0], o.Tile[1]},
		"levels":     o.Levels,
		"encoding":   string(o.Encoding),
		"shard_size": o.ShardSize,
	}
}

func anys(v []string) []any {
	out := make([]any, len(v))
	for i, s := range v {
		out[i] = s
	}
	return out
}
