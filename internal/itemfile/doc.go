// Package itemfile reads files of items: images with questions, captions and annotated objects, given as Arrow,
// Parquet, JSON Lines, CSV, one JSON array or one JSON file an image.
//
// The words it uses:
//
//   - An item is a row: an image, or several, and what is said about it.
//   - An [Input] is a file, or a folder of one-image files. It has units, the parts that can be read on their own:
//     a record batch, a row group, a run of lines.
//   - A column is untyped where its format does not say what it holds: of JSON and CSV.
//   - A [Map] says which column of an item is what.
package itemfile
