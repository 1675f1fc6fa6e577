package fisbe

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/zarr"
)

// found is a sample in the source.
type found struct {
	name  string
	root  string // key prefix of its group, "" or ending in "/"
	place place
	// stored is the size of the objects below each array, by array name.
	stored map[string]int64
	digest string // over the keys and sizes of its objects
}

// discover lists the samples of a store. location is where the store lies: its last
// elements name a sample, subset or split when the keys do not.
func discover(ctx context.Context, s store.Store, location string) ([]found, error) {
	infos, err := s.List(ctx, "")
	if errors.Is(err, store.ErrNoList) {
		return discoverUnlisted(ctx, s, location)
	}
	if err != nil {
		return nil, err
	}
	roots := map[string]*found{}
	var order []string
	for _, i := range infos {
		root, ok := sampleRoot(i.Key)
		if !ok || roots[root] != nil {
			continue
		}
		roots[root] = &found{name: sampleName(location, root), root: root, place: placeOf(above(location, root)), stored: map[string]int64{}}
		order = append(order, root)
	}
	measure(infos, roots)
	out := make([]found, 0, len(order))
	for _, r := range order {
		out = append(out, *roots[r])
	}
	return out, unique(out)
}

// discoverUnlisted finds the samples of a plain HTTP directory: those that its consolidated
// metadata names, else it can only be one sample.
func discoverUnlisted(ctx context.Context, s store.Store, location string) ([]found, error) {
	g, err := zarr.OpenGroup(ctx, s, "")
	if errors.Is(err, store.ErrNotExist) || err == nil && !g.Consolidated() {
		return []found{{name: sampleName(location, ""), place: placeOf(above(location, ""))}}, nil
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &convert.InputError{Err: err}
	}
	nodes, err := g.Nodes(ctx)
	if err != nil {
		return nil, &convert.InputError{Err: err}
	}
	var out []found
	seen := map[string]bool{}
	for _, n := range nodes {
		if root, ok := sampleRoot(n.Path + "/zarr.json"); ok && !seen[root] {
			seen[root] = true
			out = append(out, found{name: sampleName(location, root), root: root, place: placeOf(above(location, root))})
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
			if segments[i] == volumes {
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
func measure(infos []store.Info, roots map[string]*found) {
	for root, f := range roots {
		h := sha256.New()
		first, _ := slices.BinarySearchFunc(infos, root, func(i store.Info, root string) int { return strings.Compare(i.Key, root) })
		for _, i := range infos[first:] {
			rest, ok := strings.CutPrefix(i.Key, root)
			if !ok {
				break
			}
			fmt.Fprintf(h, "%s %d\n", rest, i.Size)
			if rest, ok = strings.CutPrefix(rest, volumes+"/"); ok {
				array, _, _ := strings.Cut(rest, "/")
				f.stored[array] += i.Size
			}
		}
		f.digest = fmt.Sprintf("%x", h.Sum(nil))
	}
}

// sampleName is the last folder of the sample's root, or of the location where the sample
// is the whole store.
func sampleName(location, root string) string {
	name := path.Base(strings.TrimSuffix(root, "/"))
	if root == "" {
		name = base(location)
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

// base is the last element of a path or URL.
func base(location string) string {
	location, _, _ = strings.Cut(location, "?")
	return path.Base(strings.TrimRight(strings.ReplaceAll(location, "\\", "/"), "/"))
}

func unique(samples []found) error {
	at := map[string]string{}
	for _, f := range samples {
		if was, twice := at[f.name]; twice {
			return convert.Inputf(f.name, "", "the source holds this sample twice, under %q and %q: name one with the source path", was, f.root)
		}
		at[f.name] = f.root
	}
	return nil
}
