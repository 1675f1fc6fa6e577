// Package exchange is how annotations enter and leave a data set: the formats of other
// programs, as siblings behind one interface.
//
// Words:
//
//   - An object is an annotated object as a format holds it: an id, a class, a mask.
//   - A canvas is the array that masks lie in: its extents along Z, Y and X.
//   - A format writes the objects of one canvas and reads them again. What it writes and
//     reads back is the same, voxel by voxel; what it cannot hold it refuses, or, where the
//     user asked for it, leaves out and counts.
//
// # Where a pixel is
//
// Masks are sets of elements, named by indices from 0. Formats of outlines (GeoJSON, COCO
// polygons) have corner coordinates: the pixel (y, x) is the square from x to x+1 and from y
// to y+1, so an outline runs along pixel edges and encloses as much area as its mask has
// pixels. An outline that does not run along edges, as people draw them, holds the pixels
// whose centre (x+0.5, y+0.5) it holds; COCO polygons are the exception, for which
// pycocotools is what the field goes by (see package coco).
package exchange
