// Package nclsm converts NCL-SM, the Newcastle Skeletal Muscle data set (Khan et al.,
// arXiv 2311.15113): cross-sections of muscle biopsies with every myofibre outlined and those
// marked that are not fit for analysis.
//
// A release has the folders IMC (imaging mass cytometry) and IF (immunofluorescence), and in
// each of them one folder for every kind of file. Of their names three are established:
// Mask_All_AM, Mask_AM_vs_NAM and Mask_QA. So folders are recognised by the words of their
// names, whatever is between them, what was made of them is said, and a layout file (package
// labels) takes the place of all this where a release is arranged otherwise.
package nclsm

import (
	"github.com/micropq/micropq/convert/labels"
)

// Description of the data set, for its card.
const Description = "Cross-sections of human skeletal muscle with every myofibre outlined, and non-transverse myofibres, " +
	"freezing artefacts and folded regions marked: the Newcastle Skeletal Muscle data set, as chunked Parquet."

// Dataset is what the data set says of itself.
var Dataset = labels.Dataset{
	Name:    "nclsm",
	Title:   "NCL-SM: Newcastle Skeletal Muscle",
	Licence: "CC-BY-4.0",
	Citation: "A. Khan, C. Lawless, A. Vincent, C. Warren, V. Di Leo, T. Gomes, A. S. McGough. " +
		"NCL-SM: A Fully Annotated Dataset of Images from Human Skeletal Muscle Biopsies. arXiv 2311.15113, 2023.",
	DOI: "10.25405/data.ncl.24125391",
	URL: "https://arxiv.org/abs/2311.15113",
}

// The classes of the data set.
const (
	Analysable       = "AM"  // analysable myofibre
	NonTransverse    = "NTM" // not cut across
	FreezingArtefact = "FAM" // damaged by freezing
	FoldedRegion     = "FR"  // the tissue is folded; not a myofibre
)

// Group takes the donor from a section's name: C03 and C03-2 are of one donor.
const Group = `^(.+?)(?:-[0-9]+)?$`

// section takes a section's name from that of a file, which may go on after it.
const section = `^(?:([A-Za-z]+[0-9]+(?:-[0-9]+)?)(?:[_ ].*)?|(.+))$`

// channels of an image: red and green hold a stain each, blue is empty.
var channels = []string{"membrane", "mitochondrial_mass", "blue"}

// Kind is NCL-SM as package labels converts it.
func Kind() labels.Kind {
	return labels.Kind{
		Name:        Dataset.Name,
		Description: Description,
		Tags:        []string{"biology", "microscopy", "instance-segmentation", "skeletal-muscle", "myofibres"},
		Recognise:   Recognise,
		Defaults:    labels.Layout{Dataset: Dataset, Group: Group},
		Channels:    channels,
	}
}
