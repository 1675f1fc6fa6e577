// Package ubench converts mu-Bench (Lozano et al., NeurIPS 2024 Datasets and Benchmarks,
// arXiv 2407.01791): microscopy images with questions, captions and annotated objects.
//
// The source is the release's Arrow files, the hub's Parquet, JSON Lines, or one JSON file
// an image as in earlier releases. What the columns are is said by the map ubench of
// package vqa; what is particular to this data set is here.
package ubench

import (
	"strings"

	"github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/internal/store"
)

// Open prepares to convert what lies in s; location is where that is, as the user gave it.
// The map and the repair of o are set here.
func Open(s store.Store, location string, o vqa.Options) (*vqa.Source, error) {
	m, err := vqa.MapNamed("ubench")
	if err != nil {
		return nil, err
	}
	o.Map, o.Resolve = m, resolve
	return vqa.Open(s, location, o)
}

// held are the items of Held et al. (Nature Methods 7, 2010), whose dataset is null in the
// release, by their stain.
var held = map[string]string{
	"H2B-mCherry": "held_et_al_2010_h2b",
	"GalT-EGFP":   "held_et_al_2010_galt",
}

// resolve names the data set of an item by its stain. The release writes one of the stains
// with an en dash.
func resolve(value func(column string) any) string {
	stain, _ := value("stain").(string)
	return held[strings.ReplaceAll(stain, "\u2013", "-")]
}
