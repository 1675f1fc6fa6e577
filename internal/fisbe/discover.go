// Package fisbe is how releases of FISBe are laid out (Mais et al., CVPR 2024, arXiv 2404.00130): where the
// samples are in a store, and what their names, folders and the official list say of them.
//
// A sample is a zarr group <name>.zarr with the arrays volumes/raw, axes CZYX, and volumes/gt_instances,
// axes CZYX with one neuron a channel.
package fisbe

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/zarr"
)

// Names within the group of a sample.
const (
	Volumes    = "volumes"
	Raw        = "raw"
	Instances  = "gt_instances"
	DimNeurons = "dim_neurons" // attribute of the instances
)

// PixelSizeUM is the edge of a voxel in micrometres. The zarr stores do not hold it; it is the figure of the
// publication.
const PixelSizeUM = 0.44

// Error is a release that contradicts itself, or cannot be read as one.
type Error struct {
	Subject string // a sample, the split list, or ""
	Err     error
}

func (e *Error) Error() string {
	if e.Subject == "" {
		return e.Err.Error()
	}
	return e.Subject + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

func badf(subject, format string, args ...any) error {
	return &Error{subject, fmt.Errorf(format, args...)}
}

// Sample is a sample in a store.
type Sample struct {
	Name  string
	Root  string // key prefix of its group, "" or ending in "/"
	Place Place
	// Stored is the size of the objects below each array, by array name; nil where they cannot be listed.
	Stored map[string]int64
	Digest string // over the keys and sizes of its objects
}

// Discover lists the samples of a store. location is where the store lies: its last
// elements name a sample, subset or split when the keys do not.
func Discover(ctx context.Context, s store.Store, location string) ([]Sample, error) {
	infos, err := s.List(ctx, "")
	if errors.Is(err, store.ErrNoList) {
		return discoverUnlisted(ctx, s, location)
	}
	if err != nil {
		return nil, err
	}
	roots := map[string]*Sample{}
	var order []string
	for _, i := range infos {
		root, ok := sampleRoot(i.Key)
		if !ok || roots[root] != nil {
			continue
		}
		roots[root] = &Sample{Name: sampleName(location, root), Root: root, Place: PlaceOf(above(location, root)), Stored: map[string]int64{}}
		order = append(order, root)
	}
	measure(infos, roots)
	out := make([]Sample, 0, len(order))
	for _, r := range order {
		out = append(out, *roots[r])
	}
	return out, unique(out)
}

// discoverUnlisted finds the samples of a plain HTTP directory: those that its consolidated
// metadata names, else it can only be one sample.
func discoverUnlisted(ctx context.Context, s store.Store, location string) ([]Sample, error) {
	g, err := zarr.OpenGroup(ctx, s, "")
	// Some servers forbid what is not there.
	if errors.Is(err, store.ErrNotExist) || errors.Is(err, fs.ErrPermission) || err == nil && !g.Consolidated() {
		return []Sample{{Name: sampleName(location, ""), Place: PlaceOf(above(location, ""))}}, nil
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &Error{Err: err}
	}
	nodes, err := g.Nodes(ctx)
	if err != nil {
		return nil, &Error{Err: err}
	}
	var out []Sample
	seen := map[string]bool{}
	for _, n := range nodes {
		if root, ok := sampleRoot(n.Path + "/zarr.json"); ok && !seen[root] {
			seen[root] = true
			out = append(out, Sample{Name: sampleName(location, root), Root: root, Place: PlaceOf(above(location, root))})
		}
	}
	return out, unique(out)
}

// sampleRoot tells where the group of a sample begins from a key below its volumes/.
func sampleRoot(key string) (root string, ok bool) {
	for _, mark := range []string{".zarray", ".zgroup", "zarr.json"} {
		dir, file := path.Split(key)
		if file != mark {
			continue
		}
		segments := strings.Split(strings.TrimSuffix(dir, "/"), "/")
		for i := len(segments) - 1; i >= max(0, len(segments)-2); i-- {
			if segments[i] == Volumes {
				return joinRoot(segments[:i]), true
			}
		}
	}
	return "", false
}

func joinRoot(segments []string) string {
	if len(segments) == 0 {
		return ""
	}
	return strings.Join(segments, "/") + "/"
}

// measure sums the objects of every sample, whose keys lie together in the sorted listing.
func measure(infos []store.Info, roots map[string]*Sample) {
	for root, f := range roots {
		h := sha256.New()
		first, _ := slices.BinarySearchFunc(infos, root, func(i store.Info, root string) int { return strings.Compare(i.Key, root) })
		for _, i := range infos[first:] {
			rest, ok := strings.CutPrefix(i.Key, root)
			if !ok {
				break
			}
			fmt.Fprintf(h, "%s %d\n", rest, i.Size)
			if rest, ok = strings.CutPrefix(rest, Volumes+"/"); ok {
				array, _, _ := strings.Cut(rest, "/")
				f.Stored[array] += i.Size
			}
		}
		f.Digest = fmt.Sprintf("%x", h.Sum(nil))
	}
}

// sampleName is the last folder of the sample's root, or of the location where the sample
// is the whole store.
func sampleName(location, root string) string {
	name := path.Base(strings.TrimSuffix(root, "/"))
	if root == "" {
		name = Base(location)
		name = strings.TrimSuffix(name, ".zip")
	}
	return strings.TrimSuffix(name, ".zarr")
}

// above lists the two folders above a sample, which in a release are its subset and split.
func above(location, root string) []string {
	dirs := strings.Split(strings.Trim(location, "/"), "/")
	if root = strings.Trim(root, "/"); root != "" {
		dirs = append(dirs, strings.Split(root, "/")...)
	}
	dirs = dirs[:len(dirs)-1]
	return dirs[max(0, len(dirs)-2):]
}

// Base is the last element of a path or URL.
func Base(location string) string {
	location, _, _ = strings.Cut(location, "?")
	return path.Base(strings.TrimRight(strings.ReplaceAll(location, "\\", "/"), "/"))
}

func unique(samples []Sample) error {
	at := map[string]string{}
	for _, f := range samples {
		if was, twice := at[f.Name]; twice {
			return badf(f.Name, "the source holds this sample twice, under %q and %q: name one with the source path", was, f.Root)
		}
		at[f.Name] = f.Root
	}
	return nil
}
