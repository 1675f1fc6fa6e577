package fisbe

import (
	"bufio"
	"io"
	"regexp"
	"strings"
	"time"
)

// Name is what a sample's name says: <line>-<YYYYMMDD>_<slide>_<position>.
type Name struct {
	Line     string
	Acquired time.Time
	Slide    string
	Position string
	Official string // the name without what a crop appends
}

var namePattern = regexp.MustCompile(`^((.+)-(\d{8})_([^_]+)_([^_]+))(?:_.*)?$`)

// ParseName takes a sample's name apart; ok is false when it is not of the official form.
func ParseName(s string) (n Name, ok bool) {
	m := namePattern.FindStringSubmatch(s)
	if m == nil {
		return Name{}, false
	}
	day, err := time.Parse("20060102", m[3])
	if err != nil {
		return Name{}, false
	}
	return Name{Official: m[1], Line: m[2], Acquired: day, Slide: m[4], Position: m[5]}, true
}

// Batch is the acquisition batch: samples of one day and slide were imaged together.
func (n Name) Batch() string { return n.Acquired.Format("20060102") + "_" + n.Slide }

// Days since 1970-01-01.
func (n Name) Days() int32 { return int32(n.Acquired.Unix() / 86400) }

// Place is where a sample belongs.
type Place struct{ Subset, Split string }

// SplitList is the official assignment, by sample name.
type SplitList map[string]Place

// Listed is a line of the list: where a sample belongs.
type Listed struct {
	Name string
	Place
	Line int // from 1
}

// ReadList reads sample_list_per_split.txt: a heading for each subset ("(1) samples for FlyLight
// completely:"), under it the splits ("train:") and the names. A sample may stand there twice.
func ReadList(r io.Reader) (list []Listed, err error) {
	var at Listed
	in := bufio.NewScanner(r)
	for in.Scan() {
		at.Line++
		line := strings.TrimSpace(in.Text())
		heading, isHeading := strings.CutSuffix(line, ":")
		switch {
		case line == "":
		case isHeading && strings.Contains(heading, "completely"):
			at.Place = Place{Subset: "completely"}
		case isHeading && strings.Contains(heading, "partly"):
			at.Place = Place{Subset: "partly"}
		case isHeading:
			at.Split = heading
		case at.Subset == "" || at.Split == "":
			return nil, badf("split list", "line %d: %q stands under no subset and split", at.Line, line)
		default:
			at.Name = line
			list = append(list, at)
		}
	}
	if err := in.Err(); err != nil {
		return nil, badf("split list", "line %d: %w", at.Line+1, err)
	}
	if len(list) == 0 {
		return nil, badf("split list", "no sample is listed: want the release's sample_list_per_split.txt")
	}
	return list, nil
}

// ParseSplitList is the assignment of a list, in which a sample has one place.
func ParseSplitList(text string) (SplitList, error) {
	listed, err := ReadList(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	list := SplitList{}
	for _, l := range listed {
		if was, twice := list[l.Name]; twice && was != l.Place {
			return nil, badf("split list", "line %d: %s is in %s/%s and in %s/%s", l.Line, l.Name, was.Subset, was.Split, l.Subset, l.Split)
		}
		list[l.Name] = l.Place
	}
	return list, nil
}

// Find looks a sample up by its full name, and a crop by that of the sample it was cut from.
func (l SplitList) Find(sample string) (Place, bool) {
	if p, ok := l[sample]; ok {
		return p, true
	}
	n, ok := ParseName(sample)
	if !ok {
		return Place{}, false
	}
	p, ok := l[n.Official]
	return p, ok
}

// PlaceOf reads subset and split from the folders above a sample.
func PlaceOf(dirs []string) (p Place) {
	for _, d := range dirs {
		switch d {
		case "completely", "partly":
			p.Subset = d
		case "train", "val", "test":
			p.Split = d
		}
	}
	return p
}

// Settle combines what the path says with what the list says; they must not disagree.
func Settle(sample string, fromPath Place, list SplitList) (Place, error) {
	p, ok := list.Find(sample)
	if !ok {
		return fromPath, nil
	}
	for _, c := range []struct{ what, path, list string }{
		{"subset", fromPath.Subset, p.Subset},
		{"split", fromPath.Split, p.Split},
	} {
		if c.path != "" && c.path != c.list {
			return Place{}, badf(sample, "%s is %s by its path and %s by the split list", c.what, c.path, c.list)
		}
	}
	return p, nil
}

// Key is where a neuron is: the value of its elements in its channel.
type Key struct {
	Channel int32
	Label   int64
}

// Identify gives every neuron of an array an id of its own. Keys are sorted by channel, then label.
// Where all labels differ they are the ids. Where channels hold 0 and 1, or share labels otherwise, the
// benchmark's tools number the channels from 1; so does this as long as no channel holds two
// neurons. Failing that, they are numbered in order.
func Identify(keys []Key) []int64 {
	ids := make([]int64, len(keys))
	labels, channels := map[int64]bool{}, map[int32]bool{}
	for _, k := range keys {
		labels[k.Label], channels[k.Channel] = true, true
	}
	for i, k := range keys {
		switch {
		case len(labels) == len(keys):
			ids[i] = k.Label
		case len(channels) == len(keys):
			ids[i] = int64(k.Channel) + 1
		default:
			ids[i] = int64(i) + 1
		}
	}
	return ids
}
