"""Compare regions that micropq read with the same regions read by pyarrow and numpy alone.

usage: read_regions.py DATASET QUERIES RESULTS

QUERIES is a JSON list of {sample, array, level, origin, shape, what, ids, offset, bytes}, where
what is "elements", "merged" (uint32 ids, origin and shape without C) or "masks" (one bool mask
an id of ids). RESULTS holds the bytes that micropq read, those of a query at its offset.
Every comparison asserts; the output is their number.
"""
import glob
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard


def table(dataset, name):
    files = sorted(glob.glob(f"{dataset}/{name}/*.parquet"))
    return pa.concat_tables(pq.read_table(f, page_checksum_verification=True) for f in files).to_pylist()


def decode(row, dtype, shape):
    if row["data"] is None:
        return np.full(shape, row["fill"], dtype)
    plain = row["data"]
    if row["encoding"] != "raw":
        plain = zstandard.ZstdDecompressor().decompress(plain)
    if row["encoding"] == "shuffle+zstd":
        plain = np.frombuffer(plain, np.uint8).reshape(dtype.itemsize, -1).T.tobytes()
    return np.frombuffer(plain, dtype).reshape(shape)


class Dataset:
    def __init__(self, path):
        self.arrays = {(s["sample_id"], a["name"]): a for s in table(path, "samples") for a in s["arrays"]}
        self.chunks = {}
        for row in table(path, "chunks"):
            self.chunks.setdefault((row["sample_id"], row["array"], row["level"]), []).append(row)
        self.instances = table(path, "instances")

    def array(self, sample, name, level):
        desc = self.arrays[sample, name]
        axes = desc["axes"].lower()
        shape = [n if a in "tc" else -(-n >> level) for a, n in zip(axes, desc["shape"])]
        dtype = np.dtype(desc["dtype"])
        out = np.empty(shape, dtype)
        for row in self.chunks[sample, name, level]:
            size = [row["size_" + a] for a in axes]
            out[tuple(slice(row[a], row[a] + n) for a, n in zip(axes, size))] = decode(row, dtype, size)
        return out, axes

    def ids(self, sample, name, level):
        """The instance id of every voxel, axes as stored."""
        labels, axes = self.array(sample, name, level)
        own = [r for r in self.instances if r["sample_id"] == sample and r["array"] == name]
        if not own:
            return labels.astype(np.int64), axes
        out = np.zeros(labels.shape, np.int64)
        for r in own:
            channel = (slice(None),) * axes.index("c") + (r["channel"],)
            out[channel][labels[channel] == r["label"]] = r["instance_id"]
        return out, axes


def answer(data, q):
    box = tuple(slice(o, o + n) for o, n in zip(q["origin"], q["shape"]))
    if q["what"] == "elements":
        return data.array(q["sample"], q["array"], q["level"])[0][box]
    ids, axes = data.ids(q["sample"], q["array"], q["level"])
    if "c" not in axes:
        ids, axes = ids[None], "c" + axes
    ids = np.moveaxis(ids, axes.index("c"), 0)
    if q["what"] == "merged":
        return ids.max(axis=0)[box].astype(np.uint32)
    return np.stack([(ids == i).any(axis=0)[box] for i in q["ids"]])


def main(dataset, queries, results):
    data, overlaps = Dataset(dataset), 0
    queries = json.load(open(queries))
    results = open(results, "rb").read()
    for q in queries:
        want = np.ascontiguousarray(answer(data, q))
        assert results[q["offset"]:q["offset"] + q["bytes"]] == want.tobytes(), q
        if q["what"] == "masks":
            overlaps += int((want.sum(axis=0) > 1).sum())
    assert overlaps > 0, "no query met objects that overlap"
    print(len(queries))


if __name__ == "__main__":
    main(*sys.argv[1:])
