"""Writes a matrix of zarr v2 arrays with zarr-python 2.

usage: write_v2.py FOLDER

Makes what write_v3.py makes, in the same form.
"""
import itertools
import json
import os
import sys
import warnings

import numpy as np
import zarr
from numcodecs import BZ2, LZ4, Blosc, Delta, FixedScaleOffset, GZip, PackBits, Shuffle, Zlib, Zstd

warnings.simplefilter("ignore")
DTYPES = ["|b1", "|i1", "|u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]
SHAPES = [((7, 11, 13), (4, 6, 7)), ((20, 9), (20, 4)), ((31,), (16,)), ((2, 5, 6, 7), (1, 5, 4, 4)), ((5, 6), (9, 10)), ((), ())]
KINDS = ["sparse", "smooth", "noise"]
rng = np.random.default_rng(8)


def values(shape, dtype, kind):
    dtype = np.dtype(dtype)
    n = int(np.prod(shape, dtype=int))
    if dtype == bool:
        return rng.random(shape) < 0.3
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
        self.folder, self.cases, self.offset, self.stores = folder, [], 0, {}
        self.expected = open(os.path.join(folder, "expected.bin"), "wb")

    def add(self, store, dtype, shape, chunks, kind, write=..., fill=0, data=None, **kw):
        if store not in self.stores:
            path = os.path.join(self.folder, store)
            s = zarr.ZipStore(path, mode="w") if store.endswith(".zip") else zarr.DirectoryStore(path)
            self.stores[store] = zarr.group(s)
        path = f"a{len(self.cases):04d}"
        a = self.stores[store].create(path, shape=shape, chunks=chunks, dtype=dtype, fill_value=fill,
                                       write_empty_chunks=store.endswith(".zip"), **kw)
        whole = values(shape, dtype, kind) if data is None else data
        a[write] = whole[write]
        got = np.asarray(a[...])
        raw = np.ascontiguousarray(got.astype(got.dtype.newbyteorder("<"))).tobytes()
        self.expected.write(raw)
        self.cases.append(dict(store=store, path=path, shape=list(shape), dtype=str(got.dtype.newbyteorder("=")), offset=self.offset, size=len(raw)))
        self.offset += len(raw)


def plain(w):
    comps = [None, GZip(1), Zlib(1), Zstd(1), BZ2(1), LZ4(1), Shuffle(1)]
    for cname, shuffle in itertools.product(["lz4", "lz4hc", "blosclz", "zlib", "zstd"], [0, 1, 2]):
        comps.append(Blosc(cname=cname, clevel=3, shuffle=shuffle))
    comps += [Blosc(cname="lz4", clevel=5, shuffle=1, blocksize=256), Blosc(cname="zstd", clevel=0)]
    for i, dtype in enumerate(DTYPES):
        for k, c in enumerate(comps):
            shape, chunks = SHAPES[(i + k) % len(SHAPES)]
            w.add(["plain", "plain.zip", "consolidated"][k % 3], dtype, shape, chunks, KINDS[(i + k) % 3], compressor=c, order="CF"[(i + k // 2) % 2],
                  dimension_separator="./"[k // 3 % 2])
    for shape, chunks in [((0,), 3), ((0, 5), (2, 2)), ((4, 0, 3), (2, 1, 3)), ((0,), True), ((6,), False)]:
        w.add("plain", "<u2", shape, chunks, "noise")
    for fill in [None, np.nan, np.inf, -np.inf, -0.0, 2.5, 1e-7]:
        for dtype in ["<f2", ">f4", "<f8"]:
            # Without a fill value what is not there is undefined: everything is.
            w.add("fill", dtype, (9, 10), (4, 3), "noise", fill=fill, write=np.s_[2:5, 3:7] if fill is not None else ...)
    for dtype, fill in [("|b1", True), ("|i1", -128), ("|u1", 255), (">i2", -2), ("<u2", 65535), ("<i8", -2**63), (">u8", 2**64 - 1)]:
        w.add("fill", dtype, (9, 10), (4, 3), "noise", fill=fill, write=np.s_[2:5, 3:7])


def filtered(w):
    for k, (dtype, order, (shape, chunks)) in enumerate(itertools.product(DTYPES[1:], "CF", SHAPES[:4])):
        w.add(["filters", "filters.zip"][k % 2], dtype, shape, chunks, "smooth", order=order, compressor=[None, Zlib(1), Blosc()][k % 3], filters=[Delta(dtype=dtype)])
    for k, (dtype, astype) in enumerate([("<i4", "<i2"), (">i4", "<i2"), ("<i4", ">i2"), ("<u2", "<i4"), (">u2", ">i8"), ("<i8", "|i1"), ("<i8", "|u1"),
                                         ("<f8", "<f4"), (">f4", ">f8"), ("<f4", "<f2"), ("<f2", "<f8"), ("<f2", ">f2"), ("<u4", "<i4")]):
        for kind in KINDS[:2]:
            w.add("filters", dtype, (7, 11, 13), (3, 4, 5), kind, compressor=[Zstd(1), None][k % 2], filters=[Delta(dtype=dtype, astype=astype)])
    for dtype, astype, scale, offset in [("<f8", "<u2", 10, 1), ("<f4", "|u1", 3, 0.5), (">f4", ">f4", 7.3, -2), ("<f8", ">i4", 0.1, 1e6), ("<f8", "<f2", 3, 1),
                                         ("<i4", "|u1", 1, 5), ("<i2", "<f4", 0.3, 7.7), ("<f2", "<f2", 3, 1), ("<f2", "<i2", 10, 0), ("<f4", "<i8", 1000, -3), ("<u8", "<u8", 2, 1)]:
        w.add("filters", dtype, (20, 9), (20, 4), "smooth", filters=[FixedScaleOffset(offset=offset, scale=scale, dtype=dtype, astype=astype)])
    for shape, chunks in SHAPES[:4]:
        w.add("filters", "|b1", shape, chunks, "noise", filters=[PackBits()], order="CF"[len(shape) % 2])
    # Several filters, compressors among filters and filters as compressors.
    w.add("filters", "<i4", (7, 11, 13), (3, 4, 5), "smooth", filters=[Delta(dtype="<i4"), Delta(dtype="<i4", astype="<i2"), Shuffle(2)], compressor=GZip(1))
    w.add("filters", ">i4", (7, 11, 13), (3, 4, 5), "smooth", filters=[Delta(dtype=">i4"), Shuffle(4), Zlib(1)], compressor=Zstd(1))
    w.add("filters", "<f8", (7, 11, 13), (3, 4, 5), "smooth", filters=[FixedScaleOffset(offset=0, scale=2, dtype="<f8", astype="<i4"), Delta(dtype="<i4", astype="<i2"), Shuffle(2)])
    w.add("filters", "<u2", (7, 11, 13), (3, 4, 5), "smooth", filters=[Zlib(1)], compressor=Shuffle(1))
    w.add("filters", "<u2", (7, 11, 13), (3, 4, 5), "smooth", filters=[Delta(dtype="<u2")], compressor=None)


def main(folder):
    w = Writer(folder)
    plain(w)
    filtered(w)
    for name, g in w.stores.items():
        g.attrs["from"] = name
        if name == "consolidated":
            zarr.consolidate_metadata(g.store)
        g.store.close()
    w.expected.close()
    with open(os.path.join(folder, "manifest.json"), "w") as f:
        json.dump(w.cases, f)


if __name__ == "__main__":
    main(sys.argv[1])
