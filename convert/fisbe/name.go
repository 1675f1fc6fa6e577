package fisbe

import (
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/flylight"
)

// place is where a sample belongs.
type place struct{ subset, split string }

// splitList is the official assignment, by sample name.
type splitList map[string]place

// parseSplitList reads sample_list_per_split.txt. A sample that belongs to two places is an error.
func parseSplitList(text string) (splitList, error) {
	all, err := flylight.ReadList(strings.NewReader(text))
	if err != nil {
		return nil, convert.Inputf("split list", "", "%w", err)
	}
	list := splitList{}
	for _, l := range all {
		at := place{l.Subset, l.Split}
		if was, twice := list[l.Name]; twice && was != at {
			return nil, convert.Inputf("split list", "", "line %d: %s is in %s/%s and in %s/%s", l.Line, l.Name, was.subset, was.split, at.subset, at.split)
		}
		list[l.Name] = at
	}
	return list, nil
}

// find looks a sample up by its full name, and a crop by that of the sample it was cut from.
func (l splitList) find(sample string) (place, bool) {
	if p, ok := l[sample]; ok {
		return p, true
	}
	n, ok := flylight.ParseName(sample)
	if !ok {
		return place{}, false
	}
	p, ok := l[n.Official]
	return p, ok
}

// placeOf reads subset and split from the folders above a sample.
func placeOf(dirs []string) (p place) {
	for _, d := range dirs {
		switch d {
		case "completely", "partly":
			p.subset = d
		case "train", "val", "test":
			p.split = d
		}
	}
	return p
}

// settle combines what the path says with what the list says; they must not disagree.
func settle(sample string, fromPath place, list splitList) (place, error) {
	p, ok := list.find(sample)
	if !ok {
		return fromPath, nil
	}
	for _, c := range []struct{ what, path, list string }{
		{"subset", fromPath.subset, p.subset},
		{"split", fromPath.split, p.split},
	} {
		if c.path != "" && c.path != c.list {
			return place{}, convert.Inputf(sample, "", "%s is %s by its path and %s by the split list", c.what, c.path, c.list)
		}
	}
	return p, nil
}

// unassigned is the split of samples that have none.
const unassigned = "unassigned"
