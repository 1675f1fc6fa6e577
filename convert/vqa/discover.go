package vqa

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// unassigned is the split of files whose names tell none, where the map has none either.
const unassigned = "unassigned"

// found is what a source holds beside its inputs.
type found struct {
	declared []schemas.Column // of a dataset_info.json, nil without one
}

// Files of the datasets library that itemfile.Describe others.
const (
	infoFile  = "dataset_info.json"
	stateFile = "state.json"
)

// discover lists the files of the source and opens them as inputs, sorted by key.
func (s *Source) discover(ctx context.Context, p *planned) (*found, error) {
	f := &found{}
	infos, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	docs := map[string][]store.Info{}
	images := int64(0)
	var errs []error
	for _, i := range infos {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		switch ext := strings.ToLower(path.Ext(i.Key)); {
		case path.Base(i.Key) == infoFile:
			if f.declared, err = s.readInfo(ctx, i.Key); err != nil {
				return nil, err
			}
		case described(i.Key):
		case ext == ".png" || ext == ".jpg" || ext == ".jpeg" || ext == ".tif" || ext == ".tiff":
			images += i.Size
		case ext == ".json" && !s.isLines(ctx, i):
			docs[s.splitOf(i.Key)] = append(docs[s.splitOf(i.Key)], i)
		default:
			errs = append(errs, s.open(ctx, p, i))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for split, list := range docs {
		p.inputs = append(p.inputs, itemfile.NewDocuments(s.store, split, list, images/int64(len(docs))))
	}
	slices.SortFunc(p.inputs, func(a, b itemfile.Input) int {
		return cmp.Or(cmp.Compare(a.Split(), b.Split()), cmp.Compare(a.Name(), b.Name()))
	})
	if len(p.inputs) == 0 && len(p.rejected) == 0 {
		return nil, convert.Inputf("", "", "nothing to convert in %s: want .arrow, .parquet, .jsonl or .csv files, or a .json an image", s.store)
	}
	for i, in := range p.inputs {
		p.at[in.Split()+"/"+in.Name()] = i
	}
	return f, nil
}

// described reports files that say something of others, or belong to a data set of ours.
func described(key string) bool {
	switch path.Base(key) {
	case infoFile, stateFile, "dataset_infos.json", "dataset_dict.json", "croissant.json", schemas.ManifestName:
		return true
	}
	return strings.HasPrefix(path.Base(key), ".")
}

// list is the objects to look at. A plain HTTP folder cannot be listed: what the datasets
// library wrote there names its files.
func (s *Source) list(ctx context.Context) ([]store.Info, error) {
	if len(s.options.Files) > 0 {
		return s.stat(ctx, append(slices.Clone(s.options.Files), beside(s.options.Files[0], infoFile)))
	}
	infos, err := s.store.List(ctx, "")
	if !errors.Is(err, store.ErrNoList) {
		return infos, err
	}
	names, err := s.namedByState(ctx)
	if errors.Is(err, store.ErrNotExist) {
		names, err = s.namedByInfo(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be listed, and neither %s nor %s says what is in it; name a file: %w", s.store, stateFile, infoFile, err)
	}
	return s.stat(ctx, append(names, infoFile))
}

func beside(key, name string) string { return path.Join(path.Dir(key), name) }

// stat describes the objects of keys; the last may be missing.
func (s *Source) stat(ctx context.Context, keys []string) (infos []store.Info, err error) {
	for k, key := range keys {
		i, err := s.store.Stat(ctx, key)
		if errors.Is(err, store.ErrNotExist) && k == len(keys)-1 {
			continue
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, i)
	}
	return infos, nil
}

const infoLimit = 64 << 20

// namedByState lists the files of a data set saved by save_to_disk.
func (s *Source) namedByState(ctx context.Context) (names []string, err error) {
	text, err := s.store.Get(ctx, stateFile, nil, infoLimit)
	if err != nil {
		return nil, err
	}
	var state struct {
		Files []struct {
			Name string `json:"filename"`
		} `json:"_data_files"`
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return nil, fmt.Errorf("%s: %w", stateFile, err)
	}
	for _, f := range state.Files {
		names = append(names, f.Name)
	}
	return names, nil
}

// namedByInfo lists the files that a builder of the datasets library wrote.
func (s *Source) namedByInfo(ctx context.Context) (names []string, err error) {
	text, err := s.store.Get(ctx, infoFile, nil, infoLimit)
	if err != nil {
		return nil, err
	}
	var info struct {
		Name   string `json:"dataset_name"`
		Splits map[string]struct {
			Name    string  `json:"name"`
			Lengths []int64 `json:"shard_lengths"`
			Of      string  `json:"dataset_name"`
		} `json:"splits"`
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("%s: %w", infoFile, err)
	}
	for split, s := range info.Splits {
		stem := cmp.Or(s.Of, info.Name) + "-" + cmp.Or(s.Name, split)
		if len(s.Lengths) < 2 {
			names = append(names, stem+".arrow")
		}
		for i := range s.Lengths {
			if len(s.Lengths) > 1 {
				names = append(names, fmt.Sprintf("%s-%05d-of-%05d.arrow", stem, i, len(s.Lengths)))
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// readInfo reads the features of a dataset_info.json.
func (s *Source) readInfo(ctx context.Context, key string) ([]schemas.Column, error) {
	text, err := s.store.Get(ctx, key, nil, infoLimit)
	if err != nil {
		return nil, err
	}
	var info struct {
		Features json.RawMessage `json:"features"`
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, convert.Inputf(key, "", "%w", err)
	}
	if len(info.Features) == 0 || string(info.Features) == "null" {
		return nil, nil
	}
	columns, err := itemfile.ParseFeatures(info.Features)
	if err != nil {
		return nil, convert.Inputf(key, "", "%w", err)
	}
	return columns, nil
}

// isLines tells JSON Lines from a document: its first line is a whole object and not all.
func (s *Source) isLines(ctx context.Context, i store.Info) bool {
	head, err := s.store.GetRange(ctx, i.Key, 0, min(i.Size, 1<<20), nil)
	if err != nil {
		return false // reading it as a document will say why
	}
	line, rest, ok := strings.Cut(string(head), "\n")
	return ok && strings.TrimSpace(rest) != "" && json.Valid([]byte(line)) && strings.HasPrefix(strings.TrimSpace(line), "{")
}

// open opens a file as an input, or passes over what is none.
func (s *Source) open(ctx context.Context, p *planned, i store.Info) error {
	in, damage, err := itemfile.Open(ctx, itemfile.Object{Store: s.store, Info: i}, s.splitOf(i.Key))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		in, damage = nil, err
	}
	if damage != nil {
		if !s.options.KeepGoing {
			return &convert.InputError{Err: damage}
		}
		r := rejection(itemfile.Record{File: i.Key}, damage)
		if in != nil {
			for _, u := range in.Units() {
				r.Row = u.First + u.Rows
			}
		}
		p.rejected = append(p.rejected, r)
	}
	if in != nil {
		p.inputs = append(p.inputs, in)
	}
	return nil
}

// splitOf is the split of a file: what its name tells, or else the map.
func (s *Source) splitOf(key string) string {
	return cmp.Or(itemfile.SplitOf(key), s.options.Map.Split, unassigned)
}

// base is the last element of a path or URL.
func base(location string) string {
	location, _, _ = strings.Cut(location, "?")
	return path.Base(strings.TrimRight(strings.ReplaceAll(location, "\\", "/"), "/"))
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
