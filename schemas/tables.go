package schemas

// Table names, which are also the folders of a data set.
const (
	SamplesTable   = "samples"
	ChunksTable    = "chunks"
	InstancesTable = "instances"
	QuestionsTable = "questions"
)

// Roles an array of a sample may have.
const (
	RoleImage  = "image"  // intensities
	RoleLabels = "labels" // each value names an instance, 0 is background
)

// Sources of a pixel size.
const (
	FromFile        = "file"        // read from the source file
	FromPublication = "publication" // not in the file, given by the data set's publication
	FromUser        = "user"        // given on the command line
)

// The row types below are the one source of truth for the released columns: names,
// order, types and nullability come from the parquet tag, the text a reader sees from
// the doc tag, the Hugging Face feature from the hf tag. Options of the parquet tag are
// optional (the column may be null), list, dict (worth a dictionary: few distinct values),
// date, and uncompressed (a payload: bytes that are compressed already). A converter adds
// columns by embedding a row type at the front of its own.

// Image is encoded picture bytes, laid out as the Image feature of Hugging Face datasets.
type Image struct {
	Bytes []byte  `parquet:"bytes,optional,uncompressed" doc:"the encoded file (PNG, JPEG, TIFF), exactly as it came or was made"`
	Path  *string `parquet:"path,optional" doc:"file name, or null"`
}

// Array describes one N-D array of a sample.
type Array struct {
	Name   string  `parquet:"name" doc:"array name as in chunks.array"`
	Role   string  `parquet:"role" doc:"image or labels"`
	Axes   string  `parquet:"axes" doc:"one letter an axis out of TCZYX, slowest first"`
	Shape  []int64 `parquet:"shape,list" doc:"elements along each axis at level 0"`
	Chunk  []int64 `parquet:"chunk,list" doc:"chunk extent along each axis, the same at every level; chunks at the far edges are smaller"`
	DType  string  `parquet:"dtype" doc:"element type, numpy name"`
	Fill   float64 `parquet:"fill" doc:"value of every element of a chunk whose data is null"`
	Levels int32   `parquet:"levels" doc:"pyramid levels; level n halves Z, Y and X n times, rounding up"`
}

// LevelExtent is the extent along an axis at a pyramid level of an array that has n elements
// along it at level 0: Z, Y and X halve from level to level, rounding up.
func LevelExtent(n int, axis byte, level int) int {
	if axis == 'T' || axis == 'C' {
		return n
	}
	return (n + 1<<level - 1) >> level
}

// Sample is a row of samples: one volume, section or image.
type Sample struct {
	SampleID        string    `parquet:"sample_id" doc:"unique in the data set"`
	Dataset         *string   `parquet:"dataset,optional,dict" doc:"name of the source data set, null where the source names none"`
	Subset          *string   `parquet:"subset,optional" doc:"part of the source data set, such as completely or partly"`
	Split           string    `parquet:"split" doc:"train, val, test as in the source; unassigned where the source gives none"`
	GroupID         *string   `parquet:"group_id,optional" doc:"what must not cross splits: line, donor"`
	BatchID         *string   `parquet:"batch_id,optional" doc:"acquisition batch: slide, plate"`
	Axes            *string   `parquet:"axes,optional" doc:"axes of the image, slowest first, such as CZYX"`
	Shape           []int64   `parquet:"shape,optional,list" doc:"elements of the image along each axis"`
	DType           *string   `parquet:"dtype,optional" doc:"element type of the image, numpy name"`
	Channels        []string  `parquet:"channels,optional,list" doc:"channel names in order, null where the source gives none"`
	PixelSizeUM     []float64 `parquet:"pixel_size_um,optional,list" doc:"micrometres per element along each spatial axis, in the order of axes"`
	PixelSizeSource *string   `parquet:"pixel_size_source,optional" doc:"where pixel_size_um comes from: file, publication or user"`
	Arrays          []Array   `parquet:"arrays,optional,list" doc:"the arrays that chunks holds of this sample"`
	Licence         *string   `parquet:"licence,optional" doc:"SPDX identifier of the item's licence"`
	Source          string    `parquet:"source" doc:"path of the item in the source"`
	SourceDigest    *string   `parquet:"source_digest,optional" doc:"sha256 over key, size and xxh64 of every source object read for the item"`
	Preview         *Image    `parquet:"preview,optional" hf:"image" doc:"PNG for viewers"`
	Image           *Image    `parquet:"image,optional" hf:"image" doc:"the original encoded image"`
}

// Chunk is a row of chunks: one box of an N-D array. Rows are sorted by
// (sample_id, array, level, t, z, y, x, c); every box of the grid has its row.
type Chunk struct {
	SampleID   string   `parquet:"sample_id,dict" doc:"samples.sample_id"`
	Array      string   `parquet:"array,dict" doc:"array name: raw, gt_instances, mask_am"`
	Level      int32    `parquet:"level" doc:"pyramid level, 0 is full resolution"`
	T          int32    `parquet:"t" doc:"origin along T, in elements of this level"`
	C          int32    `parquet:"c" doc:"origin along C"`
	Z          int32    `parquet:"z" json:"z" doc:"origin along Z"`
	Y          int32    `parquet:"y" json:"y" doc:"origin along Y"`
	X          int32    `parquet:"x" json:"x" doc:"origin along X"`
	SizeT      int32    `parquet:"size_t" doc:"extent along T; 1 for an axis the array lacks"`
	SizeC      int32    `parquet:"size_c" doc:"extent along C"`
	SizeZ      int32    `parquet:"size_z" doc:"extent along Z"`
	SizeY      int32    `parquet:"size_y" doc:"extent along Y"`
	SizeX      int32    `parquet:"size_x" doc:"extent along X"`
	DType      string   `parquet:"dtype,dict" doc:"element type, numpy name"`
	Encoding   string   `parquet:"encoding,dict" doc:"raw, zstd or shuffle+zstd"`
	Fill       float64  `parquet:"fill" doc:"value of every element where data is null"`
	Foreground int64    `parquet:"foreground" doc:"elements that differ from fill"`
	IDs        []int64  `parquet:"ids,optional,list" doc:"label values present other than 0, ascending; null for images"`
	Min        *float64 `parquet:"min,optional" doc:"smallest element, NaN left out; null if none"`
	Max        *float64 `parquet:"max,optional" doc:"largest element, NaN left out; null if none"`
	Digest     uint64   `parquet:"digest" doc:"xxh64, seed 0, of the decoded bytes (C order, little-endian), of a null chunk too"`
	Data       []byte   `parquet:"data,optional,uncompressed" doc:"payload in the encoding named; null when every element equals fill"`
}

// BBox is a half-open box in elements of level 0. In two dimensions z0 is 0 and z1 is 1.
type BBox struct {
	Z0 int32 `parquet:"z0" json:"z0" doc:"first plane"`
	Y0 int32 `parquet:"y0" json:"y0" doc:"first row"`
	X0 int32 `parquet:"x0" json:"x0" doc:"first column"`
	Z1 int32 `parquet:"z1" json:"z1" doc:"one past the last plane"`
	Y1 int32 `parquet:"y1" json:"y1" doc:"one past the last row"`
	X1 int32 `parquet:"x1" json:"x1" doc:"one past the last column"`
}

// Point is a position in elements of level 0, where element i spans [i-0.5, i+0.5).
type Point struct {
	Z float64 `parquet:"z" json:"z" doc:"plane"`
	Y float64 `parquet:"y" json:"y" doc:"row"`
	X float64 `parquet:"x" json:"x" doc:"column"`
}

// Instance is a row of instances: one annotated object.
type Instance struct {
	SampleID   string   `parquet:"sample_id,dict" doc:"samples.sample_id"`
	Array      string   `parquet:"array,dict" doc:"label array the object comes from"`
	InstanceID int64    `parquet:"instance_id" doc:"unique within (sample_id, array)"`
	Channel    *int32   `parquet:"channel,optional" doc:"channel of the array that holds the object, where objects have channels of their own"`
	Label      *int64   `parquet:"label,optional" doc:"the value of the object's elements in the array (and in chunks.ids)"`
	Class      *string  `parquet:"class,optional" doc:"class name"`
	Reasons    []string `parquet:"reasons,optional,list" doc:"why it has its class or status"`
	Status     *string  `parquet:"status,optional" doc:"review status"`
	BBox       *BBox    `parquet:"bbox,optional" doc:"smallest box that holds the object, half-open"`
	Area       *int64   `parquet:"area,optional" doc:"pixels or voxels of the object"`
	Centroid   *Point   `parquet:"centroid,optional" doc:"mean position of its elements"`
	RLE        []int64  `parquet:"rle,optional,list" doc:"run lengths, background first, of the mask cropped to bbox: column-major (COCO) in two dimensions, C order in three"`
	Annotator  *string  `parquet:"annotator,optional" doc:"who annotated it"`
	Revision   *int32   `parquet:"revision,optional" doc:"revision of the annotation"`
}

// Question is a row of questions: one question or caption on a sample.
type Question struct {
	SampleID    string   `parquet:"sample_id,dict" doc:"samples.sample_id"`
	QuestionID  string   `parquet:"question_id" doc:"unique within the sample"`
	Kind        string   `parquet:"kind,dict" doc:"question or caption"`
	Type        *string  `parquet:"type,optional,dict" doc:"what is asked: modality, stain, classification"`
	Variant     *int32   `parquet:"variant,optional" doc:"number of the variant, 0 for modality_0"`
	Question    *string  `parquet:"question,optional" doc:"the text"`
	Options     []string `parquet:"options,optional,list" doc:"the choices in order"`
	Answer      *string  `parquet:"answer,optional" doc:"the right choice's text"`
	AnswerIndex *int32   `parquet:"answer_index,optional" doc:"its position in options, from 0"`
	Tags        []string `parquet:"tags,optional,list" doc:"tags of the source"`
}
