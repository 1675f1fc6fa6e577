// Package loaders reads data sets.
//
// Words:
//
//   - A data set lies at a location: a directory, a zip archive of one, or an HTTP(S) URL of
//     either. It exists exactly when its manifest does.
//   - An array is one N-D array of a sample at one pyramid level. Its elements lie in chunks,
//     one row of the chunks table each.
//   - A region is a half-open box of an array, in elements of its level and in the order of
//     its axes.
//   - An index holds where the chunks of one array lie: it is read from the key columns once
//     and kept within a budget, so that a region touches only the pages that hold it.
//   - A Memory is what reads may share: buffers of those under way, and kept chunks, unpacked,
//     of which a later read may want another part.
//   - A piece is what is read by one request: a chunk, or of a remote data set chunks whose pages
//     lie together.
//   - Amplification is what was read or decoded over what was needed.
//
// Damage is never skipped: a page whose checksum disagrees, a payload that does not decode
// and a chunk without a row are a *[DamageError] that names file, row, sample and digest.
package loaders
