// Package vqa converts visual question answering: images with questions, captions and
// annotated objects, given as Arrow, Parquet, JSON Lines or CSV files, or as one JSON file
// an image.
//
// The words it uses:
//
//   - Items, inputs, units and maps are those of internal/itemfile. Columns that a map does not
//     name become columns of samples, in the type of the source.
//   - The type of an untyped column comes from a dataset_info.json beside the source, or from
//     all of its values.
//   - An item that cannot be converted is rejected, as a whole: its image and its questions.
//
// Data moves one way:
//
//	Input.Read -> Record -> builder.item -> rows of samples | questions | instances
//
// Samples are written first. The tasks of questions and instances read the items again,
// without their images, and leave out what samples rejected.
package vqa
