package tiffio

import (
	"fmt"

	"github.com/google/tiff"
	"github.com/google/tiff/bigtiff"
)

// The tags that are read (TIFF 6.0 and its supplements).
const (
	tagNewSubfileType  = 254
	tagImageWidth      = 256
	tagImageLength     = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagDescription     = 270
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagXResolution     = 282
	tagYResolution     = 283
	tagPlanarConfig    = 284
	tagT4Options       = 292
	tagT6Options       = 293
	tagResolutionUnit  = 296
	tagSoftware        = 305
	tagPredictor       = 317
	tagColorMap        = 320
	tagTileWidth       = 322
	tagTileLength      = 323
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagSubIFDs         = 330
	tagExtraSamples    = 338
	tagSampleFormat    = 339
	tagJPEGTables      = 347
	tagImageDepth      = 32997
)

// The field types.
const (
	tByte      = 1
	tASCII     = 2
	tShort     = 3
	tLong      = 4
	tRational  = 5
	tSByte     = 6
	tUndefined = 7
	tSShort    = 8
	tSLong     = 9
	tIFD       = 13
	tLong8     = 16
	tSLong8    = 17
	tIFD8      = 18
)

// fieldTypes are the types by their number.
var fieldTypes = func() (t [19]tiff.FieldType) {
	for _, set := range []tiff.FieldTypeSet{tiff.DefaultFieldTypeSet, bigtiff.BTFieldTypeSet} {
		for _, id := range set.ListFieldTypes() {
			if f, ok := set.GetFieldType(id); ok && int(id) < len(t) {
				t[id] = f
			}
		}
	}
	return t
}()

// typeSize is the size of one value in bytes, 0 for an unknown type.
func typeSize(typ uint16) int {
	if int(typ) >= len(fieldTypes) || fieldTypes[typ] == nil {
		return 0
	}
	return int(fieldTypes[typ].Size())
}

// tagName is a tag for people: "StripOffsets (273)".
func tagName(tag uint16) string {
	return fmt.Sprintf("%s (%d)", tiff.DefaultTagSpace.GetTag(tag).Name(), tag)
}
