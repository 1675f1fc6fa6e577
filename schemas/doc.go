// Package schemas says what a micropq data set is: its tables, their columns, the manifest
// that lists its files, and the versions of all of it. It does no I/O.
//
// The words it uses:
//
//   - A sample is one volume, section or image. It has arrays: the image itself and label
//     arrays, in which each value names an instance, an annotated object.
//   - An array is cut into chunks, boxes of equal extent, at every level of its pyramid;
//     level 0 is full resolution.
//   - A table is one kind of row: samples, chunks, instances, questions. It is a folder of
//     shards, Parquet files of one split each, named as [ShardPath] says.
//   - A column has a name, a type, may be null or not, and may be nested. The struct types
//     ([Sample], [Chunk], [Instance], [Question]) are where columns are defined; a [Table]
//     is what is derived from one: the Parquet schema, the Arrow schema, the metadata.
//   - A payload is a column of bytes that are compressed already.
//   - The [Manifest] is the list of shards with their digests. A data set exists exactly
//     when its manifest does.
package schemas
