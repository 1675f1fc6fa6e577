// Package vqa converts visual question answering: images with questions, captions and
// annotated objects, given as Arrow, Parquet, JSON Lines or CSV files, or as one JSON file
// an image.
//
// The words it uses:
//
//   - An item is a row of the source: an image, or several, and what is said about it.
//   - An input is a file of the source, or a folder of one-image files. It has units, the
//     parts that can be read on their own: a record batch, a row group, a run of lines.
//   - A [Map] says which column of an item is what. Columns that it does not name become
//     columns of samples, in the type of the source.
//   - A column is untyped where its format does not say what it holds: of JSON and CSV. Its
//     type then comes from a dataset_info.json beside the source, or from all of its values.
//   - An item that cannot be converted is rejected, as a whole: its image and its questions.
//
// Data moves one way:
//
//	input.read -> record -> builder.item -> rows of samples | questions | instances
//
// Samples are written first. The tasks of questions and instances read the items again,
// without their images, and leave out what samples rejected.
package vqa
