// Package coco exchanges annotations as COCO JSON (the format of the COCO data set,
// cocodataset.org): images, annotations and categories.
//
// Written are compressed run lengths, which hold holes, pieces and overlaps. Read are
// compressed and uncompressed run lengths and polygons, of objects and of crowds alike. A
// polygon is rasterised as pycocotools does it (see Rasterize), which is not the rule of
// pixel centres: what the field has computed from such a file stays true.
//
// COCO has images, not volumes.
package coco
