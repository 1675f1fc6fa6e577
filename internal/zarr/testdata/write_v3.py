"""Writes a matrix of zarr v3 (and v2) arrays with zarr-python 3.

usage: write_v3.py FOLDER

Makes FOLDER/<store> with many arrays, FOLDER/expected.bin with what zarr-python reads
back of each, little-endian in C order, and FOLDER/manifest.json:
[{store, path, shape, dtype, offset, size, chunks, shards}].
"""
import itertools
import json
import os
import random
import shutil
import sys
import warnings
import zipfile

import numpy as np
import zarr
import zarr.codecs as zc
import zarr.codecs.numcodecs as zn
from numcodecs import BZ2, LZ4, Blosc, Delta, FixedScaleOffset, PackBits, Shuffle, Zlib, Zstd, GZip

warnings.simplefilter("ignore")
zarr.config.set({"codec_pipeline.batch_size": 64})
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
rng = np.random.default_rng(7)
pick = random.Random(7)


def values(shape, dtype, kind):
    """Numbers of a kind: sparse labels, a smooth image, noise with every special float."""
    dtype = np.dtype(dtype)
    n = int(np.prod(shape, dtype=int))
    if dtype == bool:
        return (rng.random(shape) < 0.3)
    if kind == "sparse":
        a = np.zeros(n, dtype)
        if n:
            a[rng.integers(0, n, max(1, n // 40))] = 3
        return a.reshape(shape)
    if kind == "smooth":
        return (np.arange(n) % 97 + rng.integers(0, 3, n)).astype(dtype).reshape(shape)
    if dtype.kind == "f":
        a = rng.standard_normal(n).astype(dtype)
        for v in (np.nan, np.inf, -np.inf, -0.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max):
            if n:
                a[rng.integers(0, n)] = v
        return a.reshape(shape)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, n, dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype).reshape(shape)


class Writer:
    def __init__(self, folder):
        self.folder, self.cases, self.offset = folder, [], 0
        self.expected = open(os.path.join(folder, "expected.bin"), "wb")
        self.stores = {}

    def store(self, name):
        """An open group per store; a name that ends in .zip is zipped."""
        if name not in self.stores:
            path = os.path.join(self.folder, name)
            if name.endswith(".zip"):
                self.stores[name] = zarr.open_group(zarr.storage.ZipStore(path, mode="w"), mode="w", zarr_format=3, attributes={"from": name})
            else:
                self.stores[name] = zarr.open_group(path, mode="w", zarr_format=2 if name.startswith("v2") else 3, attributes={"from": name})
        return self.stores[name]

    def note(self, store, path, array, expected=None):
        got = np.asarray(array[...]) if expected is None else expected
        raw = np.ascontiguousarray(got.astype(got.dtype.newbyteorder("<"))).tobytes()
        self.expected.write(raw)
        self.cases.append(dict(store=store, path=path, shape=list(array.shape), dtype=str(got.dtype.newbyteorder("=")),
                               offset=self.offset, size=len(raw)))
        self.offset += len(raw)

    def v3(self, store, dtype, shape, chunks, kind, shards=None, fill=0, write=None, **kw):
        path = f"a{len(self.cases):04d}"
        g = self.store(store)
        a = g.create_array(path, shape=shape, chunks=chunks, shards=shards, dtype=dtype, fill_value=fill, **kw)
        part = write if write is not None else ...
        whole = values(shape, dtype, kind)
        a[part] = whole[part]
        self.note(store, path, a)

    def codecs(self, store, dtype, shape, chunks, kind, codecs, fill=0, **kw):
        """An array whose list of codecs is given as it is."""
        path = f"a{len(self.cases):04d}"
        g = self.store(store)
        a = zarr.create(store=g.store, path=path, shape=shape, chunks=chunks, dtype=dtype, fill_value=fill, zarr_format=3, codecs=codecs, **kw)
        a[...] = values(shape, dtype, kind)
        self.note(store, path, a)


SHAPES = [((7, 11, 13), (4, 6, 7)), ((20, 9), (20, 4)), ((31,), (16,)), ((2, 5, 6, 7), (1, 5, 4, 4)), ((5, 6), (9, 10)), ((), ())]
KINDS = ["sparse", "smooth", "noise"]


def compressors():
    yield None
    yield zc.GzipCodec(level=1)
    yield zc.ZstdCodec(level=1)
    yield zc.ZstdCodec(level=3, checksum=True)
    for cname, shuffle in itertools.product(["lz4", "lz4hc", "blosclz", "snappy", "zlib", "zstd"], ["noshuffle", "shuffle", "bitshuffle"]):
        if cname == "snappy":
            continue  # not in every build of c-blosc
        yield zc.BloscCodec(cname=cname, clevel=3, shuffle=shuffle)
    yield zn.Zlib(level=2)
    yield zn.BZ2(level=1)
    yield zn.LZ4(acceleration=1)
    yield zn.Zstd(level=1)
    yield zn.GZip(level=1)
    yield zn.Blosc(cname="lz4", clevel=5, shuffle=1)
    yield [zn.Shuffle(elementsize=4), zc.GzipCodec(level=1)]
    yield [zn.Shuffle(), zc.ZstdCodec(level=1)]
    yield [zc.GzipCodec(level=1), zc.Crc32cCodec()]
    yield [zc.Crc32cCodec(), zc.ZstdCodec(level=1), zc.GzipCodec(level=2)]
    yield [zn.CRC32C(location="start")]


def plain(w):
    all_compressors = list(compressors())
    for i, dtype in enumerate(DTYPES):
        for k, c in enumerate(all_compressors):
            if (i + k) % 2 and k > 3:
                continue  # every codec meets every size of element all the same
            shape, chunks = SHAPES[(i + k) % len(SHAPES)]
            if isinstance(c, list) and isinstance(c[0], zn.Shuffle):
                shape, chunks = SHAPES[0]  # the one whose chunks are whole words of four
            w.v3(["plain", "plain.zip"][k % 2], dtype, shape, chunks, KINDS[(i + k) % 3], compressors=c)
    for dtype, (shape, chunks), endian in itertools.product(DTYPES, SHAPES[:4], ["little", "big"]):
        if endian == "big" and np.dtype(dtype).itemsize == 1:
            continue
        kw = {} if np.dtype(dtype).itemsize == 1 else dict(serializer=zc.BytesCodec(endian=endian))
        order = list(range(len(shape)))
        pick.shuffle(order)
        w.v3("order", dtype, shape, chunks, "noise", compressors=zc.ZstdCodec(), filters=[zc.TransposeCodec(order=order)], **kw)
    # Two transpositions, key encodings, partly written, without elements.
    w.v3("order", "uint16", (5, 6, 7), (2, 3, 4), "noise", filters=[zc.TransposeCodec(order=(2, 0, 1)), zc.TransposeCodec(order=(0, 2, 1))])
    for name, sep in itertools.product(["default", "v2"], ["/", "."]):
        w.v3("keys", "uint16", (9, 10), (4, 3), "noise", chunk_key_encoding={"name": name, "separator": sep})
        w.v3("keys", "int32", (), (), "noise", chunk_key_encoding={"name": name, "separator": sep})
    for shape in [(0,), (0, 5), (4, 0, 3)]:
        w.v3("plain", "uint8", shape, tuple(max(1, n) for n in shape), "noise")
    for fill in [np.nan, np.inf, -np.inf, -0.0, 1.5, 1e-7]:
        for dtype in ["float16", "float32", "float64"]:
            w.v3("fill", dtype, (9, 10), (4, 3), "noise", fill=fill, write=np.s_[2:5, 3:7])
    for dtype, fill in [("bool", True), ("int8", -128), ("uint8", 255), ("int16", -2), ("uint16", 65535), ("int64", -2**63), ("uint64", 2**64 - 1)]:
        w.v3("fill", dtype, (9, 10), (4, 3), "noise", fill=fill, write=np.s_[2:5, 3:7])


def sharded(w):
    shapes = [((17, 23, 9), (8, 8, 8), (4, 2, 8)), ((40,), (16,), (4,)), ((6, 10, 11, 12), (2, 4, 4, 8), (1, 4, 2, 4)), ((13, 14), (8, 16), (8, 16))]
    inner = [None, zc.ZstdCodec(level=1), zc.GzipCodec(level=1), zc.BloscCodec(cname="lz4", shuffle="bitshuffle"), [zn.LZ4(), zc.Crc32cCodec()]]
    for i, (dtype, (shape, shards, chunks), location) in enumerate(itertools.product(DTYPES, shapes, ["start", "end"])):
        serializer = zc.BytesCodec(endian=["little", "big"][i % 2]) if np.dtype(dtype).itemsize > 1 else zc.BytesCodec()
        comp = inner[i % len(inner)]
        comp = [] if comp is None else comp if isinstance(comp, list) else [comp]
        order = list(range(len(shape)))
        pick.shuffle(order)
        codecs = [serializer, *comp] if i % 3 else [zc.TransposeCodec(order=order), serializer, *comp]
        index = [[zc.BytesCodec(endian="little"), zc.Crc32cCodec()], [zc.BytesCodec(endian="big")], [zc.BytesCodec(), zc.Crc32cCodec(), zc.Crc32cCodec()]][i % 3]
        shard = zc.ShardingCodec(chunk_shape=chunks, codecs=codecs, index_codecs=index, index_location=location)
        w.codecs(["sharded", "sharded.zip"][i % 2], dtype, shape, shards, KINDS[i % 3], [shard], fill=[0, 3][i % 2] if dtype != "bool" else False)
    shard = zc.ShardingCodec(chunk_shape=(2, 4), codecs=[zc.BytesCodec(), zc.ZstdCodec()])
    # A shard that is transposed, compressed as a whole, both, and shards in a shard.
    for codecs in [
        [zc.TransposeCodec(order=(1, 0)), shard],
        [shard, zc.GzipCodec()],
        [zc.TransposeCodec(order=(1, 0)), shard, zc.Crc32cCodec(), zc.ZstdCodec()],
        [zc.ShardingCodec(chunk_shape=(4, 4), codecs=[shard])],
        [zc.ShardingCodec(chunk_shape=(4, 4), codecs=[zc.TransposeCodec(order=(1, 0)), shard, zc.Crc32cCodec()])],
        [zc.TransposeCodec(order=(1, 0)), zc.ShardingCodec(chunk_shape=(2, 4), codecs=[zc.TransposeCodec(order=(1, 0)), zc.BytesCodec(endian="big")])],
    ]:
        for kind in ["sparse", "noise"]:
            w.codecs("sharded", "uint16", (21, 13), (8, 4), kind, codecs)
    w.v3("sharded", "uint16", (40, 50), (5, 5), "noise", shards=(20, 25), write=np.s_[7:9, 11:26], fill=9)
    # numcodecs filters before the shard's bytes.
    w.codecs("sharded", "int32", (21, 13), (8, 4), "smooth",
             [zc.ShardingCodec(chunk_shape=(4, 4), codecs=[zn.Delta(dtype="int32"), zc.BytesCodec(), zc.ZstdCodec()])])


def filtered(w):
    for dtype in DTYPES[1:]:
        for shape, chunks in SHAPES[:4]:
            w.v3("filters", dtype, shape, chunks, "smooth", filters=[zn.Delta(dtype=dtype)])
    for dtype, astype in [("int32", "int16"), ("uint16", "int32"), ("int64", "int8"), ("float64", "float32"), ("float32", "float64"), ("float32", "float16")]:
        w.v3("filters", dtype, (31,), (8,), "smooth", filters=[zn.Delta(dtype=dtype, astype=astype)])
    for dtype, astype, scale, offset in [("float64", "uint16", 10, 1), ("float32", "uint8", 3, 0.5), ("float32", "float32", 7.3, -2), ("float64", "int32", 0.1, 1e6), ("int32", "uint8", 1, 5)]:
        w.v3("filters", dtype, (20, 9), (20, 4), "smooth", filters=[zn.FixedScaleOffset(offset=offset, scale=scale, dtype=dtype, astype=astype)])
    for shape, chunks in SHAPES[:4]:
        w.v3("filters", "bool", shape, chunks, "noise", filters=[zn.PackBits()])


def old(w):
    """v2 as zarr-python 3 writes it."""
    for i, (dtype, order, comp) in enumerate(itertools.product(["<u2", ">i4", "|b1", ">f8"], "CF", [None, Zlib(), Zstd(), LZ4(), BZ2(), GZip(), Blosc()])):
        shape, chunks = SHAPES[i % len(SHAPES)]
        path = f"a{len(w.cases):04d}"
        a = w.store("v2").create_array(path, shape=shape, chunks=chunks, dtype=dtype, order=order, compressors=comp, fill_value=0,
                                       chunk_key_encoding={"name": "v2", "separator": "./"[i % 2]})
        a[...] = values(shape, dtype, KINDS[i % 3])
        w.note("v2", path, a)


def main(folder):
    w = Writer(folder)
    plain(w)
    sharded(w)
    filtered(w)
    old(w)
    for name, g in w.stores.items():
        if name in ("order", "v2"):
            zarr.consolidate_metadata(g.store)
        g.store.close()
    # The same store as a zip with compressed entries.
    with zipfile.ZipFile(os.path.join(folder, "deflated.zip"), "w", zipfile.ZIP_DEFLATED) as z:
        for base, _, files in os.walk(os.path.join(folder, "sharded")):
            for f in files:
                p = os.path.join(base, f)
                z.write(p, os.path.relpath(p, os.path.join(folder, "sharded")))
    w.cases += [dict(c, store="deflated.zip") for c in w.cases if c["store"] == "sharded"]
    w.expected.close()
    with open(os.path.join(folder, "manifest.json"), "w") as f:
        json.dump(w.cases, f)


if __name__ == "__main__":
    main(sys.argv[1])
