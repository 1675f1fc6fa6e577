package vqa

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// opened is a target whose files are open.
type opened struct {
	store    store.Store
	inputs   []itemfile.Input
	folder   bool // there are several files, which findings name
	declared []schemas.Column
	problems []error
}

// infoFile describes the files beside it, as the datasets library writes it.
const infoFile = "dataset_info.json"

// open opens the file, or the files of the folder.
func (t *Target) open(ctx context.Context) (o *opened, err error) {
	info, err := os.Stat(t.location)
	if err != nil {
		return nil, err
	}
	o = &opened{folder: info.IsDir()}
	root := t.location
	if !o.folder {
		root = filepath.Dir(root)
	}
	if o.store, err = store.Open(ctx, root, store.Options{}); err != nil {
		return nil, err
	}
	if !o.folder {
		if o.store, err = followed(ctx, o.store, t.location); err != nil {
			return nil, err
		}
	}
	var infos []store.Info
	if o.folder {
		infos, err = o.store.List(ctx, "")
	} else {
		var i store.Info
		i, err = o.store.Stat(ctx, filepath.Base(t.location))
		infos = []store.Info{i}
	}
	if err == nil {
		err = o.openAll(ctx, infos, filepath.ToSlash(t.location))
	}
	if err == nil {
		o.readInfo(ctx, infos)
	}
	if err != nil {
		return nil, errors.Join(err, o.store.Close())
	}
	return o, nil
}

// openAll opens files by their names. A file that cannot be opened is a problem where there are others.
func (o *opened) openAll(ctx context.Context, infos []store.Info, location string) error {
	documents := map[string][]store.Info{}
	for _, i := range infos {
		split := location
		if o.folder {
			split = path.Join(location, i.Key)
		}
		split = itemfile.SplitOf(split)
		object := itemfile.Object{Store: o.store, Info: i}
		if strings.EqualFold(path.Ext(i.Key), ".json") {
			switch shape := jsonShape(ctx, object); {
			case shape == '[':
				o.inputs = append(o.inputs, itemfile.OpenArray(object, split))
				continue
			case shape == '{' && path.Base(i.Key) != infoFile && path.Base(i.Key) != "state.json":
				documents[split] = append(documents[split], i)
				continue
			case shape == '{':
				continue
			}
		}
		in, damage, err := itemfile.Open(ctx, object, split)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := errors.Join(damage, err); err != nil {
			o.problems = append(o.problems, err)
		}
		if in != nil {
			o.inputs = append(o.inputs, in)
		}
	}
	for split, list := range documents {
		o.inputs = append(o.inputs, itemfile.NewDocuments(o.store, split, list, 0))
	}
	slices.SortFunc(o.inputs, func(a, b itemfile.Input) int {
		return cmp.Or(cmp.Compare(a.Split(), b.Split()), cmp.Compare(a.Name(), b.Name()))
	})
	if len(o.inputs) == 0 && len(o.problems) == 0 {
		return errors.New("there are no questions here: want JSON Lines, a JSON array, Parquet, Arrow or CSV")
	}
	return nil
}

// jsonShape is '[' for an array, '{' for one object, and 'l' for objects on lines of their own.
func jsonShape(ctx context.Context, o itemfile.Object) byte {
	head, err := o.Store.GetRange(ctx, o.Info.Key, 0, min(o.Info.Size, 1<<20), nil)
	if err != nil {
		return 'l' // reading it will say why
	}
	head = bytes.TrimSpace(head)
	line, rest, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case bytes.HasPrefix(head, []byte("[")):
		return '['
	case bytes.HasPrefix(head, []byte("{")) && (len(bytes.TrimSpace(rest)) == 0 || !json.Valid(line)):
		return '{'
	}
	return 'l'
}

// readInfo reads the types that a dataset_info.json beside the first file gives to columns.
func (o *opened) readInfo(ctx context.Context, infos []store.Info) {
	const limit = 64 << 20
	text, err := o.store.Get(ctx, path.Join(path.Dir(infos[0].Key), infoFile), nil, limit)
	if errors.Is(err, store.ErrNotExist) {
		return
	}
	var info struct {
		Features json.RawMessage `json:"features"`
	}
	if err == nil {
		err = json.Unmarshal(text, &info)
	}
	if err == nil && len(info.Features) > 0 && string(info.Features) != "null" {
		o.declared, err = itemfile.ParseFeatures(info.Features)
	}
	if err != nil {
		o.problems = append(o.problems, fmt.Errorf("%s: %w", infoFile, err))
	}
}

// peeked is how many items of an untyped input are looked at for its columns.
const peeked = 256

var errEnough = errors.New("enough")

// columns are those of an input; of an untyped one, those of its first items.
func (o *opened) columns(ctx context.Context, in itemfile.Input) ([]schemas.Column, error) {
	if !in.Untyped() {
		return in.Columns(), nil
	}
	columns := slices.Clone(in.Columns())
	n := 0
	for u := range in.Units() {
		err := in.Read(ctx, u, nil, func(r itemfile.Record) error {
			for _, name := range r.Order {
				at := slices.IndexFunc(columns, func(c schemas.Column) bool { return c.Name == name })
				if at < 0 {
					at = len(columns)
					columns = append(columns, schemas.Column{Name: name, Type: itemfile.TypeNull})
				}
				if columns[at].Type == itemfile.TypeNull {
					columns[at] = itemfile.Infer(r.Item[name])
					columns[at].Name = name
				}
			}
			if n++; n == peeked {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			break
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// What else is wrong is told when all of it is read.
	}
	for i := range columns {
		at := slices.IndexFunc(o.declared, func(c schemas.Column) bool { return c.Name == columns[i].Name })
		if at >= 0 {
			columns[i].Classes = o.declared[at].Classes
		}
	}
	return columns, nil
}
