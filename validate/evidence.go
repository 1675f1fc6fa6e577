package validate

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/annotate"
	"github.com/micropq/micropq/internal/align"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// Dataset is a data set as a whole, shown after all of its parts.
type Dataset struct {
	Place
	Manifest *schemas.Manifest // nil where it cannot be read
	Problems []error           // of the manifest and of files that belong to no shard
	Totals   Totals            // counted, not claimed
	// Classes is a map of the classes to those of someone else, "" for one to be left out; nil where the
	// user gave none.
	Classes map[string]string
}

// Totals count what was seen.
type Totals struct {
	Samples, Arrays, Chunks, Instances, Questions int64
	ByArray                                       map[string]int64 // instances of each label array
	ByClass                                       map[string]int64 // instances of each class, "" for none
	BySubset                                      map[string]int64 // samples of each subset, "" for none
	Objects                                       map[string]int64 // instances of each subset and array, "IMC/gt_instances"
}

// Shard is one Parquet file of a data set.
type Shard struct {
	Place
	Claimed *schemas.Shard // of the manifest, nil where it does not list the file
	Found   *schemas.Shard // of the bytes; Rows -1 where they could not be counted; nil where there is no file
	Errs    []error        // what is wrong with its schema, pages and rows; see the errors of this package
}

// File is one file that is no part of a data set of ours.
type File struct {
	Place
	Format   string   // TIFF, npy, COCO, GeoJSON
	Problems []string // what its descriptions say that cannot be so, in words
	Keys     []*KeyError
	// Columns are those of annotated objects, of a file of items: whether any row has an object there.
	Columns map[string]bool
	Err     error // why it, or a part of it, cannot be read
}

// Sample is one volume, section, image or item.
type Sample struct {
	Place
	schemas.Sample
	Kind Kind
	// Pixels is the digest of the decoded picture, 0 where there is none.
	Pixels uint64
	// Perceptual is a hash of what the picture looks like, near pictures differing in few bits.
	// It means nothing where Pixels is 0.
	Perceptual uint64
	// Extra are the columns that the source has of an item beyond those of [schemas.Sample], by name; class
	// labels by the names of their classes.
	Extra map[string]any
	Errs  []error // of its rows and pictures
}

// Array is an array of a sample, or of a file that is looked at as a sample.
type Array struct {
	Place
	schemas.Array
	Kind        Kind
	PixelSizeUM []float64 // along the spatial axes, empty where unknown
	// PixelSizeReason says why the file's own pixel size cannot be taken, "" where it can or where
	// there is none to take.
	PixelSizeReason string
	Image           *Array // that a label array belongs to, nil for images and where there is none
	// Segment is the bytes of the largest strip, tile or chunk as it is decoded, 0 where no part
	// has to be decoded as one.
	Segment int64
	// Errs are what is wrong with it: a *labelimage.NotLabelsError, tiffio.ErrTooLong, ...
	Errs []error
}

// Chunk is one box of an array.
type Chunk struct {
	Place
	Row   *schemas.Chunk // as claimed, without its payload
	Array *schemas.Array
	// Found is the same recomputed from the payload; nil where it does not decode.
	Found *schemas.Chunk
	Err   error // why it does not decode, or that there is no row
}

// Layer is all instances of one label array or of one image of an exchange file.
type Layer struct {
	Place
	Kind        Kind
	Axes        string // ZYX or YX
	Shape       []int  // along Axes
	DType       schemas.DType
	PixelSizeUM []float64
	// Exclusive says that an element belongs to one instance at most.
	Exclusive bool
	// Channels says that each instance lies in a channel of its own, FISBe's way.
	Channels int
	// Instances are in ascending order of their ids. Those whose mask cannot be had are there too.
	Instances []*Instance
	Classes   []string // that are defined, nil where nothing says so
	// Renumber says that the target's Fix can give the instances other ids.
	Renumber bool
	Shift    *align.Shift // between the image and the layer, nil where it was not measured
	// Disjoint says that no element can belong to two instances, for they are the values of one array.
	Disjoint  bool
	Unclaimed string      // class of an instance that no mask claims, "" where it has none
	Masks     []ClassMask // of the sample, where the layer has the instances that they are about
	Second    *Second     // a second annotation of the same image, nil where there is none
	Errs      []error     // a *mask.LabelError for each value that names no instance, ...
}

// Second is a second annotation of what a layer annotates.
type Second struct {
	Place
	// Coverage says where its annotator looked: all, second or a region as [annotate.AgreeOptions]
	// has them, "" where nobody says.
	Coverage string
	// Agreement with the layer inside the coverage, nil where that is not known.
	Agreement *annotate.Agreement
}

// ClassMask is an array of labels that marks classes and not instances.
type ClassMask struct {
	Array string
	Class string              // of every element other than 0; "" where the values are classes
	All   mask.Mask           // the elements other than 0
	Value map[int64]mask.Mask // the elements of each value, where values are classes
	Names map[int64]string    // classes of the values, nil where nothing says what they mean
	Claim float64             // share of an instance from which on the mask says its class
}

// Instance is one annotated object: its truth and its claims.
type Instance struct {
	Place
	Kind Kind
	ID   int64
	// Label is the value of its elements in the array, 0 where there is no array. Of instances in
	// channels of their own it may be no id.
	Label int64
	Mask  mask.Mask // decoded; nil where MaskErr is not
	// MaskErr says why there is no mask: a *mask.CountsError, a *mask.PolygonError, or another.
	MaskErr error
	// Errs are what is wrong with its record beside that: *KeyError, *mask.CountsError, *mask.PolygonError.
	Errs    []error
	Channel *int32
	Class   *string
	Crowd   bool             // a region of many objects, COCO's iscrowd, which is no object itself
	Claim   schemas.Instance // as the source has it, for what it has
	Drawn   *Drawn           // claims in corner coordinates, where the source has such
	Rings   []mask.Ring      // of its polygons, where it is drawn as such
	Shape   [3]int           // Z, Y, X of what it lies in; 0 where unknown
	Axes    string           // ZYX or YX
	Classes []string         // that are defined, nil where nothing says so
}

// Drawn is what a source says of an object in corner coordinates, in which the pixel (y, x) is the square from x
// to x+1 and from y to y+1, as COCO has it.
type Drawn struct {
	BBox *[4]float64 // left, top, width, height
	Area *float64    // pixels
}

// Content is a digest of the mask and the class.
func (in *Instance) Content() uint64 {
	h := xxhash.New()
	var b [16]byte
	for _, r := range in.Mask {
		for i, v := range [4]int32{r.Z, r.Y, r.X, r.N} {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(v))
		}
		h.Write(b[:])
	}
	if in.Class != nil {
		h.WriteString(*in.Class)
	}
	return h.Sum64()
}

// Item is a question or caption with the sample that it is about. An option that is null is an empty
// text.
type Item struct {
	Place
	schemas.Question
	Sample *Sample // nil where it has none
	Extra  map[string]any
	Errs   []error // a *FieldError for each field that holds something else than it should, ...
}
