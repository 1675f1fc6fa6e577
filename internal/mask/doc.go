// Package mask holds the shape of one annotated object, and what is computed from shapes
// alone: areas, overlaps, run-length codes, outlines.
//
// The words it uses:
//
//   - An element is a pixel or a voxel, named by its indices (z, y, x); in two dimensions z
//     is 0. A run is a row of elements that follow each other along X.
//   - A [Mask] is a set of elements, held as runs. Nothing here touches single elements
//     where runs will do, so the cost follows the outline of an object and not its area.
//   - Two elements are neighbours by [Faces] (4 in a plane, 6 in a volume) or by [Corners]
//     (8, 26). A piece is a connected component of a mask. A hole is a component of what is
//     not in the mask that does not reach its outside; a mask connected by one of the two has
//     holes connected by the other.
//   - Counts are alternating run lengths, outside first, of a mask in a box, in an [Order].
//   - A ring is a closed line of vertices; an outline is a ring with the rings of its holes.
//
// # Where a pixel is
//
// Vertices of rings stand in corner coordinates: the pixel (y, x) is the square from x to
// x+1 and from y to y+1, and its centre is (x+0.5, y+0.5). This is the convention of COCO,
// of GeoJSON as QuPath writes it, and of shapely. A polygon holds the pixels whose centre it
// holds, by the even-odd rule over all its rings; a centre on a left or upper edge is
// inside, on a right or lower edge outside, so that polygons which share an edge share no
// pixel. Outlines follow pixel edges: to rasterise one gives the mask back exactly.
//
// Positions of type [schemas.Point] count from the centre of the first element instead
// (element i spans i-0.5 to i+0.5), as docs/FORMAT.md says: they are half a pixel less.
package mask
