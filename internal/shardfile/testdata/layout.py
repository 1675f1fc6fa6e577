"""Print how the payload column of a shard is laid out, by pyarrow's metadata and the page
headers in the file, a line a row group: rows, bytes of its values, pages, largest number of
payloads in a page.

What must hold of every row group and page is asserted. Usage: layout.py SHARD COLUMN
"""
import struct
import sys
import zlib

import pyarrow.parquet as pq

path, column = sys.argv[1:]


class Compact:
    """Reads structs in Thrift's compact protocol into dicts by field number."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def zigzag(self):
        n = self.varint()
        return n >> 1 ^ -(n & 1)

    def struct(self):
        fields, number = {}, 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == 0:
                return fields
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            fields[number] = self.value(head & 15)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind in (3, 4, 5, 6):
            return self.zigzag()
        if kind == 8:
            n = self.varint()
            self.at += n
            return self.data[self.at - n:self.at]
        if kind == 12:
            return self.struct()
        raise ValueError(f"type {kind} in a page header")


def pages(data, at, end):
    """The number of payloads of each page."""
    while at < end:
        reader = Compact(data, at)
        header = reader.struct()
        page_type, size, packed, crc = header[1], header[2], header[3], header[4]
        v1 = header[5]
        body = data[reader.at:reader.at + packed]
        assert page_type == 0, "version 1 data pages"
        assert size == packed, "no compression"
        assert crc & 0xFFFFFFFF == zlib.crc32(body), "a CRC"
        assert v1[2] == 0 and v1[3] == 3, "PLAIN values behind RLE levels"
        assert not any(v1.get(5, {}).get(bound) for bound in (1, 2, 5, 6)), "no bounds"
        levels = struct.unpack_from("<I", body)[0]
        at_value, values = 4 + levels, 0
        while at_value < len(body):
            at_value += 4 + struct.unpack_from("<I", body, at_value)[0]
            values += 1
        assert at_value == len(body)
        yield values
        at = reader.at + packed


with open(path, "rb") as f:
    data = f.read()
metadata = pq.ParquetFile(path).metadata
for g in range(metadata.num_row_groups):
    group = metadata.row_group(g)
    for c in range(group.num_columns):
        chunk = group.column(c)
        assert chunk.has_offset_index, chunk.path_in_schema
        if chunk.path_in_schema != column:
            continue
        assert chunk.compression == "UNCOMPRESSED"
        assert set(chunk.encodings) == {"PLAIN", "RLE"}, chunk.encodings
        assert not chunk.has_dictionary_page
        statistics = chunk.statistics
        assert statistics is None or not statistics.has_min_max
        counts = list(pages(data, chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size))
        print(group.num_rows, chunk.total_compressed_size, len(counts), max(counts))
