package zarr

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/store"
)

// Kind tells arrays from groups.
type Kind string

// The kinds of nodes.
const (
	KindArray Kind = "array"
	KindGroup Kind = "group"
)

// Node is a node below a group.
type Node struct {
	Path string // relative to the group
	Kind Kind
}

// Group is an open group. It is safe for concurrent use.
//
// Where the group, or the one it was opened from, has consolidated metadata (.zmetadata in
// v2, consolidated_metadata in v3), that alone says what is below it: nothing is listed,
// which a plain HTTP server cannot do, and opening a node costs no request. Like
// zarr-python it trusts it; nodes that were added later are not seen.
type Group struct {
	store        store.Store
	path         string
	attrs        Attributes
	consolidated map[string]json.RawMessage // by metadata key relative to the group, nil where there is none
}

// OpenGroup opens the group at a path of the store, "" for its root, of either version; v2
// where both are there. Errors: store.ErrNotExist where neither is, *MetadataError,
// *UnsupportedError.
func OpenGroup(ctx context.Context, s store.Store, path string) (*Group, error) {
	group, err := get(ctx, s, join(path, groupV2))
	if err != nil {
		return nil, err
	}
	if group != nil {
		return openGroupV2(ctx, s, path, group)
	}
	if group, err = get(ctx, s, join(path, metadataKeyV3)); err != nil {
		return nil, err
	}
	if group == nil {
		return nil, fmt.Errorf("no zarr group %s: neither %s nor %s is there: %w", name(path), groupV2, metadataKeyV3, store.ErrNotExist)
	}
	return newGroupV3(s, path, group)
}

func openGroupV2(ctx context.Context, s store.Store, path string, group []byte) (*Group, error) {
	if err := checkGroupV2(path, group); err != nil {
		return nil, err
	}
	attrs, err := get(ctx, s, join(path, attrsV2))
	if err != nil {
		return nil, err
	}
	g := &Group{store: s, path: path}
	if g.attrs, err = attributesV2(path, attrs); err != nil {
		return nil, err
	}
	data, err := get(ctx, s, join(path, consolidatedV2))
	if data == nil || err != nil {
		return g, err
	}
	var m struct {
		Format   int                        `json:"zarr_consolidated_format"`
		Metadata map[string]json.RawMessage `json:"metadata"`
	}
	if err = decodeJSON(data, &m); err == nil && (m.Format != 1 || m.Metadata == nil) {
		err = fmt.Errorf("zarr_consolidated_format %d, want 1 and metadata", m.Format)
	}
	if err != nil {
		return nil, &MetadataError{Key: join(path, consolidatedV2), Err: err}
	}
	g.consolidated = m.Metadata
	return g, nil
}

func newGroupV3(s store.Store, path string, data []byte) (*Group, error) {
	m, err := (&parserV3{path: path}).node(data, "group")
	if err != nil {
		return nil, err
	}
	g := &Group{store: s, path: path, attrs: m.Attrs}
	if m.Consolidated != nil && m.Consolidated.Metadata != nil {
		g.consolidated = map[string]json.RawMessage{}
		for p, node := range m.Consolidated.Metadata {
			g.consolidated[join(p, metadataKeyV3)] = node
		}
	}
	return g, nil
}

// Path is the group's key prefix in the store.
func (g *Group) Path() string { return g.path }

// Attrs are the user's attributes.
func (g *Group) Attrs() map[string]json.RawMessage { return g.attrs }

// Consolidated reports whether the group has consolidated metadata.
func (g *Group) Consolidated() bool { return g.consolidated != nil }

// Nodes lists all nodes below the group, sorted by path. Without consolidated metadata the
// store has to list its objects: store.ErrNoList where it cannot.
func (g *Group) Nodes(ctx context.Context) ([]Node, error) {
	nodes := map[string]Kind{}
	if g.consolidated != nil {
		for key, value := range g.consolidated {
			if err := noteNode(nodes, key, func() ([]byte, error) { return value, nil }); err != nil {
				return nil, err
			}
		}
	} else if err := g.list(ctx, nodes); err != nil {
		return nil, err
	}
	var out []Node
	for p, kind := range nodes {
		out = append(out, Node{p, kind})
	}
	slices.SortFunc(out, func(a, b Node) int { return cmp.Compare(a.Path, b.Path) })
	return out, nil
}

func (g *Group) list(ctx context.Context, nodes map[string]Kind) error {
	prefix := ""
	if g.path != "" {
		prefix = g.path + "/"
	}
	infos, err := g.store.List(ctx, prefix)
	if err != nil {
		return err
	}
	for _, i := range infos {
		err := noteNode(nodes, strings.TrimPrefix(i.Key, prefix), func() ([]byte, error) { return get(ctx, g.store, i.Key) })
		if err != nil {
			return err
		}
	}
	return nil
}

// noteNode adds the node whose metadata a key is, if it is one below the group. Of v3 the
// document tells the kind.
func noteNode(nodes map[string]Kind, key string, document func() ([]byte, error)) error {
	dir, file := path.Split(key)
	if dir == "" {
		return nil
	}
	at := strings.TrimSuffix(dir, "/")
	switch file {
	case arrayV2:
		nodes[at] = KindArray
	case groupV2:
		nodes[at] = KindGroup
	case metadataKeyV3:
		data, err := document()
		if err != nil {
			return err
		}
		var m struct {
			Type Kind `json:"node_type"`
		}
		if err := decodeJSON(data, &m); err != nil {
			return &MetadataError{Key: key, Err: err}
		}
		if m.Type == KindArray || m.Type == KindGroup {
			nodes[at] = m.Type
		}
	}
	return nil
}

// Children lists the nodes directly below the group, sorted by name. Errors as of Nodes.
func (g *Group) Children(ctx context.Context) ([]Node, error) {
	all, err := g.Nodes(ctx)
	return slices.DeleteFunc(all, func(n Node) bool { return strings.Contains(n.Path, "/") }), err
}

// OpenArray opens the array at a path relative to the group.
func (g *Group) OpenArray(ctx context.Context, rel string) (*Array, error) {
	at := join(g.path, rel)
	if g.consolidated == nil {
		return OpenArray(ctx, g.store, at)
	}
	if array := g.consolidated[join(rel, arrayV2)]; array != nil {
		return newArrayV2(g.store, at, array, g.consolidated[join(rel, attrsV2)])
	}
	if array := g.consolidated[join(rel, metadataKeyV3)]; array != nil {
		return newArrayV3(g.store, at, array)
	}
	return nil, g.absent("array", at)
}

// OpenGroup opens the group at a path relative to the group.
func (g *Group) OpenGroup(ctx context.Context, rel string) (*Group, error) {
	at := join(g.path, rel)
	if g.consolidated == nil {
		return OpenGroup(ctx, g.store, at)
	}
	sub := &Group{store: g.store, path: at}
	if group := g.consolidated[join(rel, groupV2)]; group != nil {
		if err := checkGroupV2(at, group); err != nil {
			return nil, err
		}
		var err error
		if sub.attrs, err = attributesV2(at, g.consolidated[join(rel, attrsV2)]); err != nil {
			return nil, err
		}
	} else if group := g.consolidated[join(rel, metadataKeyV3)]; group != nil {
		m, err := (&parserV3{path: at}).node(group, "group")
		if err != nil {
			return nil, err
		}
		sub.attrs = m.Attrs
	} else {
		return nil, g.absent("group", at)
	}
	sub.consolidated = map[string]json.RawMessage{}
	for key, value := range g.consolidated {
		if below, ok := strings.CutPrefix(key, rel+"/"); ok {
			sub.consolidated[below] = value
		}
	}
	return sub, nil
}

func (g *Group) absent(kind, at string) error {
	return fmt.Errorf("no zarr %s %s: the consolidated metadata of %s lacks it: %w", kind, name(at), name(g.path), store.ErrNotExist)
}
