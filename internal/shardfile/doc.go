// Package shardfile writes and reads one shard: a Parquet file of any table.
//
// A payload column holds large byte strings that are compressed already, such as
// chunks.data. Its values lie one a page, uncompressed, without bounds or statistics, so
// that one value is read by one request:
//
//	footer -> OffsetIndex of the column -> page header, CRC, levels, length, payload
//
// All pages carry a CRC. Row groups are cut by bytes.
package shardfile
