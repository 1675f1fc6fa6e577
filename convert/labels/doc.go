// Package labels converts images with label masks: sections of tissue, or any folder of
// pictures and the masks drawn on them.
//
// Words:
//
//   - A section is one sample: the files that say something of the same picture.
//   - A role is what a file is for: the image, the mask of its instances, the mask of a
//     class, a second annotation.
//   - A layout maps patterns of paths to roles. It is read from a file or recognised from the
//     names of the folders; the rest of the package knows nothing of names.
//   - An instance is an object of the instance mask, or of the second annotation, or a
//     connected region of a class mask that has regions.
//   - A class mask claims an object when it covers a given share of it. The class of an
//     object is that of the one mask which claims it; where several do, the contradiction is
//     kept.
//
// Data moves one way: listing -> layout -> sections -> arrays (headers only) -> plan; then
// tiles of every array, and from the runs of their labels the rows of instances.
package labels
