// Package measure computes what is said of one annotated object in numbers: a
// [mask.Mask] goes in, [Measurements] come out. Everything is a pure function.
//
// The words it uses:
//
//   - A published measurement is one of the NCL-SM data set (Khan et al., arXiv 2311.15113),
//     under its published column name and computed as its authors compute it, so that numbers
//     can be compared with theirs digit by digit.
//   - A standard measurement is one as scikit-image's regionprops defines it.
//   - A hull is the convex hull of the middles of the pixel edges of an object (offset
//     coordinates, Eddins 2011); the hull image is the pixels whose centre it holds, on the
//     border too, as skimage.morphology.convex_hull_image has it.
//   - An edge is a pixel of the Canny edge image of a mask, a contour the closed line along
//     edge pixels around a hole of the edge image: what NCL-SM fits ellipses to.
//
// Cost follows the outline of an object. A bitmap of its bounding box, one bit a pixel, is
// the largest thing held.
package measure
