// Package dataset is the target of a data set of ours, in a folder, a zip archive, or either behind a URL.
//
// Nothing is believed that can be counted: the manifest, the footers and the rows are claims, and what is
// shown beside them is made from bytes. A file that is damaged is still read as far as it goes, for a reader
// that refuses it says only the first thing that is wrong with it.
//
//	manifest, list of files
//	   |
//	samples     who there is, what arrays they have, their pictures
//	   |
//	instances   who has which rows
//	   |
//	questions   with their samples
//	   |
//	chunks      each payload once; a sample whose chunks have all been seen is shown with its layers
//	   |
//	samples that are left, the data set
//
// A shard is read once, a row group at a time, in one run of bytes, the next row group while this one is looked
// at. Those bytes are hashed and their pages checked, decompressed, hashed again, counted and scanned for
// labels, all while they are in memory. What a processor does is done by a fixed number of workers.
//
// # Memory
//
// [validate.Pass.Memory] bounds the row groups in flight and the runs of labels. Beside it there are eight to
// sixteen bytes for each row of samples, instances and questions, whose keys are kept as 64-bit hashes to find
// those that come twice (ten million keys take up to 128 MiB; that two of them collide has a chance of 3 in a
// million), a bit for each chunk of the arrays in progress, and the description of each sample that has arrays.
package dataset
