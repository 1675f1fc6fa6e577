// Package flylight knows the names of FISBe's samples and the release's list of its splits
// (Mais et al., CVPR 2024, arXiv 2404.00130).
package flylight

import (
	"bufio"
	"errors"
	"fmt"
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

// Listed is a line of the list: where a sample belongs.
type Listed struct {
	Name          string
	Subset, Split string
	Line          int // from 1
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
			at.Subset, at.Split = "completely", ""
		case isHeading && strings.Contains(heading, "partly"):
			at.Subset, at.Split = "partly", ""
		case isHeading:
			at.Split = heading
		case at.Subset == "" || at.Split == "":
			return nil, fmt.Errorf("line %d: %q stands under no subset and split", at.Line, line)
		default:
			at.Name = line
			list = append(list, at)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", at.Line+1, err)
	}
	if len(list) == 0 {
		return nil, errors.New("no sample is listed: want the release's sample_list_per_split.txt")
	}
	return list, nil
}
