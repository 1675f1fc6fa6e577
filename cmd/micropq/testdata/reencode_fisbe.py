"""Writes a FISBe sample anew, in other encodings of zarr.

usage: reencode_fisbe.py SUBSET/SPLIT/SAMPLE.zarr FOLDER

FOLDER gets a release for each encoding: v3 in shards, v3 with big-endian elements and
consolidated metadata of all of the release, and v2 with filters.
"""
import os
import sys
import warnings

import numcodecs
import zarr
import zarr.codecs as zc

warnings.simplefilter("ignore")


def arrays(source):
    g = zarr.open_group(source, mode="r")
    for name in ("raw", "gt_instances"):
        a = g["volumes/" + name]
        yield "volumes/" + name, a[...], dict(a.attrs)


def main(source, folder):
    name = "/".join(os.path.normpath(source).split(os.sep)[-3:])
    shards = zarr.open_group(os.path.join(folder, "sharded"), mode="w", zarr_format=3)
    big = zarr.open_group(os.path.join(folder, "consolidated"), mode="w", zarr_format=3)
    old = zarr.open_group(os.path.join(folder, "filtered"), mode="w", zarr_format=2)
    for array, data, attrs in arrays(source):
        path = name + "/" + array
        chunk = (1, *(min(8, n) for n in data.shape[1:]))
        shard = (1, *(2 * n for n in chunk[1:]))
        a = shards.create_array(path, shape=data.shape, dtype=data.dtype, chunks=chunk, shards=shard, compressors=zc.BloscCodec(cname="zstd"), attributes=attrs)
        a[...] = data
        a = big.create_array(path, shape=data.shape, dtype=data.dtype, chunks=(2, 9, 20, 33), attributes=attrs, compressors=zc.GzipCodec(level=1),
                             filters=[zc.TransposeCodec(order=(3, 1, 0, 2))], serializer=zc.BytesCodec(endian="big"))
        a[...] = data
        a = old.create_array(path, shape=data.shape, dtype=data.dtype, chunks=(1, 10, 30, 30), attributes=attrs, order="F",
                             filters=[numcodecs.Delta(dtype=data.dtype), numcodecs.Shuffle(data.dtype.itemsize)], compressors=numcodecs.Zlib(1))
        a[...] = data
    zarr.consolidate_metadata(big.store)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
