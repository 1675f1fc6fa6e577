package fisbe

import (
	"bufio"
	"regexp"
	"strings"
	"time"

	"github.com/micropq/micropq/convert"
)

// name is what a sample's name says: <line>-<YYYYMMDD>_<slide>_<position>.
type name struct {
	line     string
	acquired time.Time
	slide    string
	position string
	official string // the name without what a crop appends
}

var namePattern = regexp.MustCompile(`^((.+)-(\d{8})_([^_]+)_([^_]+))(?:_.*)?$`)

// parseName takes a sample's name apart; ok is false when it is not of the official form.
func parseName(s string) (n name, ok bool) {
	m := namePattern.FindStringSubmatch(s)
	if m == nil {
		return name{}, false
	}
	day, err := time.Parse("20060102", m[3])
	if err != nil {
		return name{}, false
	}
	return name{official: m[1], line: m[2], acquired: day, slide: m[4], position: m[5]}, true
}

// batch is the acquisition batch: samples of one day and slide were imaged together.
func (n name) batch() string { return n.acquired.Format("20060102") + "_" + n.slide }

// days since 1970-01-01.
func (n name) days() int32 { return int32(n.acquired.Unix() / 86400) }

// place is where a sample belongs.
type place struct{ subset, split string }

// splitList is the official assignment, by sample name.
type splitList map[string]place

// parseSplitList reads sample_list_per_split.txt: a heading for each subset
// ("(1) samples for FlyLight completely:"), under it the splits ("train:") and the names.
func parseSplitList(text string) (splitList, error) {
	list := splitList{}
	var at place
	in := bufio.NewScanner(strings.NewReader(text))
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		heading, isHeading := strings.CutSuffix(line, ":")
		switch {
		case line == "":
		case isHeading && strings.Contains(heading, "completely"):
			at = place{subset: "completely"}
		case isHeading && strings.Contains(heading, "partly"):
			at = place{subset: "partly"}
		case isHeading:
			at.split = heading
		case at.subset == "" || at.split == "":
			return nil, convert.Inputf("split list", "", "line %d: %q stands under no subset and split", n, line)
		default:
			if was, twice := list[line]; twice && was != at {
				return nil, convert.Inputf("split list", "", "line %d: %s is in %s/%s and in %s/%s", n, line, was.subset, was.split, at.subset, at.split)
			}
			list[line] = at
		}
	}
	if err := in.Err(); err != nil {
		return nil, convert.Inputf("split list", "", "%w", err)
	}
	if len(list) == 0 {
		return nil, convert.Inputf("split list", "", "no sample is listed: want the release's sample_list_per_split.txt")
	}
	return list, nil
}

// find looks a sample up by its full name, and a crop by that of the sample it was cut from.
func (l splitList) find(sample string) (place, bool) {
	if p, ok := l[sample]; ok {
		return p, true
	}
	n, ok := parseName(sample)
	if !ok {
		return place{}, false
	}
	p, ok := l[n.official]
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
