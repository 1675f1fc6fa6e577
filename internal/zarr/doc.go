// Package zarr reads zarr v2 and v3 hierarchies from a store (zarr.readthedocs.io: "Zarr storage
// specification version 2"; zarr-specs.readthedocs.io: "Zarr core specification", version 3).
//
// Words:
//
//   - A node is an array or a group, which holds other nodes. Its path is the key prefix of
//     its metadata; the root's is empty.
//   - An array is cut into a grid of chunks of one shape. A chunk at the far edge is as large
//     as the others; a chunk that is not there holds the fill value.
//   - An object is what the store keeps under one key: a chunk, or a shard, which holds many
//     chunks and an index of where in it each lies. Of a shard only the index and the chunks
//     that are needed are read.
//   - A chain is the list of codecs that turned a chunk's elements into the bytes of the
//     store. A step undoes one of them.
//   - A reader reads the regions of a schedule, which it is told in advance, so that it knows
//     which decoded chunks to keep.
//
// Elements are handed out little-endian whatever their order in the store.
//
// # What a size is believed
//
// Sizes in metadata, in the headers of compressed data and in the indexes of shards are claims.
// A chunk takes at most 2 GiB decoded. An object is fetched only up to the most that its
// codecs can make of a chunk: its exact size where no codec compresses, else twice that and
// 64 KiB. Memory for what a codec decodes to is taken only when that many bytes can come
// from its input, by the most that its format can expand: gzip and zlib 1032 times (RFC 1951:
// 258 bytes for two bits), lz4 255, zstd and blosc 32768 (RFC 8878: a block of 128 KiB for
// four bytes), bz2 2^21 (a block of 900 kB of runs of 259 bytes for some 32 bytes). So a shape
// of 10^12 voxels over a few bytes is an error, not an allocation. The index of a shard is
// fetched when the shard is large enough to hold it, and takes at most 64 MiB.
package zarr
