// Package shardfile writes and reads one shard: a Parquet file of any table.
//
// A payload column holds large byte strings that are compressed already, such as
// chunks.data. Its values lie one a page, uncompressed, without bounds or statistics, so
// that one value is one request once the OffsetIndex of its row group is known:
//
//	"PAR1"
//	row group    small columns: pages of about 64 KiB, zstd, with a dictionary where marked
//	             payload column, version 1 pages:
//	             page header with a CRC | definition levels | length, payload (PLAIN)
//	...
//	page index   ColumnIndex (bounds), OffsetIndex (offset, size and first row of each page)
//	footer       schema, row groups, statistics, key-value metadata | its length | "PAR1"
//
// Nulls share a page with the payload that follows them. All pages carry a CRC. Row groups
// are cut by bytes, so that a writer needs the memory of one. Equal rows and options give
// equal bytes.
package shardfile
