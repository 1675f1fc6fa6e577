// Package fisbegen writes made-up FISBe releases that are laid out as the published one.
//
// A release is a folder of subsets ("completely", "partly"), splits ("train", "val",
// "test") and samples, with the list of samples beside them. A sample is a zarr v2 group
// with two arrays, axes CZYX: volumes/raw, 12-bit intensities in uint16, and
// volumes/gt_instances, one neuron per channel. A neuron is a branching random walk: a list
// of segments, straight tubes with a radius. Neurons overlap: each begins inside the one
// before it. A defect is damage that a release can be asked to contain, exactly one.
//
// A voxel's value is a pure function of the seed and its position, computed in integers.
// So chunks are made one by one, on any number of threads, in memory that does not grow
// with the volume, and the bytes are the same on every machine.
//
// The layout follows the FISBe paper (arXiv 2404.00130) and its published files. The
// intensities are tuned to the statistics of a published crop: median, tail, noise and
// compression ratio.
package fisbegen
