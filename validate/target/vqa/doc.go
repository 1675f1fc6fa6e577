// Package vqa validates files of questions on pictures as they are before conversion: JSON Lines, a JSON array,
// Parquet, Arrow and CSV, or a folder of these, or of one JSON file a picture.
//
// What the columns are is told by a map, guessed from their names:
//
//   - mu-Bench: the columns captions and questions are structs of questions.
//   - MicroVQA: a question an item, with the columns of that name.
//   - A table of ours: a question a row, with the columns of schemas.Question, or a sample a row.
//   - Others: a question an item, with the names that such columns usually have.
//
// Data moves one way: a unit of an input is read item by item, the pictures of a batch of items are decoded in
// parallel, and then its evidence is shown in the order of the file. Of an item nothing is kept but digests of its
// ids. The evidence is the same as that of the data set which a conversion makes of the items.
package vqa
