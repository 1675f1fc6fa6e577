// Package annotate measures annotations and compares them.
//
// The words it uses:
//
//   - An instance is one annotated object: an id and the mask of its pixels or voxels.
//   - A layer is the instances of one label image, or of one label array of a sample in a
//     data set. Instances of a label image are disjoint, those of a data set may overlap.
//   - A speck is an instance so small that it is an accident of drawing.
//   - Agreement is what two layers of the same image have in common: the first is the
//     reference (ground truth), the second is what is compared with it. A pair is an
//     instance of each that overlap; a matching is a set of pairs in which no instance
//     is twice.
//   - Coverage is the region that the second annotator looked at. An instance of the
//     reference outside of it was not missed: nobody looked.
package annotate
