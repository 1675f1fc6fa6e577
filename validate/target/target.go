// Package target finds out what a location holds and opens it for validation. What there is to see in each
// is in the packages below.
package target

import (
	"context"
	"fmt"
	"strings"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/target/coco"
	"github.com/micropq/micropq/validate/target/dataset"
	"github.com/micropq/micropq/validate/target/fisbe"
	"github.com/micropq/micropq/validate/target/geojson"
	"github.com/micropq/micropq/validate/target/labelfile"
	"github.com/micropq/micropq/validate/target/list"
	"github.com/micropq/micropq/validate/target/vqa"
)

// The kinds of targets.
const (
	Dataset = "dataset" // a data set of ours
	Labels  = "labels"  // an instance label image: TIFF, PNG, npy, zarr array
	COCO    = "coco"    // COCO JSON
	GeoJSON = "geojson" // GeoJSON as QuPath writes it
	VQA     = "vqa"     // questions as JSON Lines, Parquet or Arrow
	FISBe   = "fisbe"   // a zarr group of FISBe
	List    = "list"    // the official list of FISBe's samples by split
)

// Kinds lists the kinds.
func Kinds() []string { return []string{Labels, COCO, GeoJSON, VQA, FISBe, List, Dataset} }

// Options say more about a target than its location does.
type Options struct {
	As string // one of Kinds, "" to guess

	// Of label images, which all but the label image itself may do without.
	Image    string // file of the image that the labels belong to
	Second   string // file of a second annotation of the same image
	Coverage string // where its annotator looked: "" where nobody says, all, second (about what it drew), or a region such as 0:512,100:300

	Classes map[string]string // of a data set: see dataset.Options
}

// Open opens what a location holds.
func Open(ctx context.Context, location string, o Options) (validate.Target, error) {
	kind := o.As
	if kind == "" {
		var err error
		if kind, err = guess(location); err != nil {
			return nil, err
		}
	}
	switch kind {
	case Dataset:
		return dataset.New(location, dataset.Options{Classes: o.Classes}), nil
	case VQA:
		return vqa.New(location), nil
	case List:
		return list.New(location), nil
	case FISBe:
		return fisbe.New(location), nil
	case COCO:
		return coco.New(location), nil
	case GeoJSON:
		return geojson.New(location, geojson.Options{Image: o.Image}), nil
	case Labels:
		return labelfile.New(location, labelfile.Options{Image: o.Image, Second: o.Second, Coverage: o.Coverage})
	}
	return nil, fmt.Errorf("%s: no kind of target is named %q: want one of %s", location, kind, strings.Join(Kinds(), ", "))
}
