"""The peer of `micropq convert fisbe`: the same data set from the same source in Python.

usage: peer_convert.py SAMPLE.zarr DATASET

zarr-python 3 reads, numpy computes, zstandard compresses, pyarrow writes. Two processes
share the planes of the volume, cut between two of our chunks; each reads its half of an
array in one call, so that zarr decodes nearly every source chunk once. Written to be as
fast as this can be with these libraries: no Python loop runs over voxels, background is
recognised per chunk before anything is computed, compression releases the GIL.
"""
import concurrent.futures as cf
import hashlib
import io
import json
import multiprocessing
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
import zarr
import zstandard
from PIL import Image

CHUNK = 64
WORKERS = 2
LEVEL = 1  # the nearest to the default of micropq, and on shuffled planes also the smallest but one

CHUNKS = pa.schema([
    pa.field("sample_id", pa.string(), False), pa.field("array", pa.string(), False), pa.field("level", pa.int32(), False),
    *[pa.field(a, pa.int32(), False) for a in ("t", "c", "z", "y", "x")],
    *[pa.field("size_" + a, pa.int32(), False) for a in ("t", "c", "z", "y", "x")],
    pa.field("dtype", pa.string(), False), pa.field("encoding", pa.string(), False), pa.field("fill", pa.float64(), False),
    pa.field("foreground", pa.int64(), False), pa.field("ids", pa.list_(pa.int64())),
    pa.field("min", pa.float64()), pa.field("max", pa.float64()), pa.field("digest", pa.uint64(), False),
    pa.field("data", pa.binary()),
])


def payload(block, compressor):
    planes = np.ascontiguousarray(block.view(np.uint8).reshape(-1, block.itemsize).T)
    return compressor.compress(planes)


def rows_of(sample, array, origin, block, labels, compressor):
    """The row of one chunk; block is (c, z, y, x)."""
    block = np.ascontiguousarray(block)
    foreground = int(np.count_nonzero(block))
    row = {
        "sample_id": sample, "array": array, "level": 0, "t": 0, "size_t": 1,
        **dict(zip("czyx", origin)), **dict(zip(["size_" + a for a in "czyx"], block.shape)),
        "dtype": block.dtype.name, "encoding": "shuffle+zstd", "fill": 0.0,
        "foreground": foreground, "ids": [] if labels else None, "min": 0.0, "max": 0.0,
        "digest": xxhash.xxh64(block).intdigest(), "data": None,
    }
    if foreground:
        row["min"], row["max"] = float(block.min()), float(block.max())
        row["data"] = payload(block, compressor)
        if labels:
            row["ids"] = [int(v) for v in np.flatnonzero(np.bincount(block.ravel())) if v]
    return row


class Shards:
    """Writes rows as they come, cut by size, one payload a page."""

    def __init__(self, folder, worker):
        self.folder, self.worker, self.n, self.rows, self.size, self.writer = folder, worker, 0, [], 0, None
        self.written, self.paths = 0, []

    def add(self, row):
        self.rows.append(row)
        self.size += len(row["data"] or b"")
        if self.size > 32 << 20:
            self.flush()

    def flush(self):
        if not self.rows:
            return
        if self.writer is None:
            path = f"{self.folder}/train-{self.worker}-{self.n}.parquet"
            self.paths.append(path)
            self.writer = pq.ParquetWriter(
                path, CHUNKS, write_page_index=True, write_page_checksum=True, data_page_size=1,
                compression={f.name: "NONE" if f.name == "data" else "ZSTD" for f in CHUNKS},
                use_dictionary=["sample_id", "array", "dtype", "encoding"], write_batch_size=1,
                write_statistics=[f.name for f in CHUNKS if f.name not in ("data", "ids")])
        self.writer.write_table(pa.Table.from_pylist(self.rows, CHUNKS))
        self.written += self.size
        self.rows, self.size = [], 0
        if self.written > 256 << 20:
            self.close()

    def close(self):
        self.flush()
        if self.writer is not None:
            self.writer.close()
            self.writer, self.written, self.n = None, 0, self.n + 1


def runs_of(mask_rows, z, y0, x0):
    """Runs along x of a (y, x) mask: arrays of z, y, x, length."""
    edges = np.diff(np.pad(mask_rows, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    y, begin = np.nonzero(edges == 1)
    _, end = np.nonzero(edges == -1)
    return np.stack([np.full_like(y, z), y + y0, begin + x0, end - begin], axis=1)


def instances_of(half, z0):
    """Voxels, box, sums, shared voxels and runs of the object in every channel of a half."""
    overlap = np.zeros(half.shape[1:], np.uint8)
    for channel in half:
        overlap += channel != 0
    shared = overlap > 1
    out = {}
    for c, channel in enumerate(half):
        planes = np.flatnonzero(channel.any(axis=(1, 2)))
        if not len(planes):
            continue
        runs, total_shared = [], 0
        for z in planes:
            plane = channel[z]
            rows = np.flatnonzero(plane.any(axis=1))
            y0, y1 = rows[0], rows[-1] + 1
            mask = plane[y0:y1] != 0
            runs.append(runs_of(mask, z + z0, y0, 0))
            total_shared += int(np.count_nonzero(mask & shared[z, y0:y1]))
        out[c] = (np.concatenate(runs), total_shared)
    return out


def work(args):
    path, folder, worker, z0, z1 = args
    zarr.config.set({"threading.max_workers": 1})
    group = zarr.open_group(path, mode="r")
    sample = os.path.basename(path)[: -len(".zarr")]
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    shards = Shards(folder, worker)
    gt = group["volumes/gt_instances"][:, z0:z1]
    for z, y, x in boxes(gt.shape[1:]):
        for c in range(gt.shape[0]):
            block = gt[c:c + 1, z:z + CHUNK, y:y + CHUNK, x:x + CHUNK]
            shards.add(rows_of(sample, "gt_instances", (c, z + z0, y, x), block, True, compressor))
    shards.close()
    objects = instances_of(gt, z0)
    del gt
    raw = group["volumes/raw"][:, z0:z1]
    for z, y, x in boxes(raw.shape[1:]):
        block = raw[:, z:z + CHUNK, y:y + CHUNK, x:x + CHUNK]
        shards.add(rows_of(sample, "raw", (0, z + z0, y, x), block, False, compressor))
    shards.close()
    return objects, raw.max(axis=1), shards.paths


def boxes(shape):
    return [(z, y, x) for z in range(0, shape[0], CHUNK) for y in range(0, shape[1], CHUNK) for x in range(0, shape[2], CHUNK)]


def instance_rows(sample, halves):
    rows = []
    for c in sorted({c for h in halves for c in h}):
        parts = [h[c] for h in halves if c in h]
        runs = np.concatenate([p[0] for p in parts])
        z, y, x, n = runs.T.astype(np.int64)
        lo, hi = np.array([z.min(), y.min(), x.min()]), np.array([z.max(), y.max(), (x + n - 1).max()])
        size = hi - lo + 1
        at = ((z - lo[0]) * size[1] + (y - lo[1])) * size[2] + (x - lo[2])
        joined = np.concatenate([[True], at[1:] != at[:-1] + n[:-1]])
        begin = at[joined]
        ends = (at + n)[np.concatenate([joined[1:], [True]])]
        rle = np.empty(2 * len(begin) + 1, np.int64)
        rle[0::2] = np.concatenate([begin, [size.prod()]]) - np.concatenate([[0], ends])
        rle[1::2] = ends - begin
        voxels = int(n.sum())
        rows.append({
            "sample_id": sample, "array": "gt_instances", "instance_id": c + 1, "channel": c, "label": 1,
            "bbox": dict(zip(("z0", "y0", "x0", "z1", "y1", "x1"), [*lo.tolist(), *(hi + 1).tolist()])),
            "area": voxels, "shared_voxels": sum(p[1] for p in parts),
            "centroid": {"z": float((z * n).sum() / voxels), "y": float((y * n).sum() / voxels),
                         "x": float((x * n + n * (n - 1) / 2).sum() / voxels)},
            "rle": rle[:-1] if rle[-1] == 0 else rle,
        })
    return rows


def preview(projection, objects):
    panels = []
    scaled = []
    for channel in projection.astype(np.float32):
        lo, hi = np.quantile(channel, [0.02, 0.998])
        scaled.append(np.clip((channel - lo) / max(hi - lo, 1), 0, 1))
    panels.append(np.stack(scaled[:3], axis=-1))
    labels = np.zeros(projection.shape[1:] + (3,), np.float32)
    for half in objects:
        for c, (runs, _) in half.items():
            for _, y, x, n in runs:
                labels[y, x:x + n] = np.array([c * 61 % 256, c * 97 % 256, 255 - c * 31 % 256]) / 255
    panels.append(labels)
    out = io.BytesIO()
    Image.fromarray((np.concatenate(panels, axis=1) * 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def main(path, dataset):
    sample = os.path.basename(path.rstrip("/"))[: -len(".zarr")]
    for table in ("chunks", "instances", "samples"):
        os.makedirs(f"{dataset}/{table}")
    shape = zarr.open_group(path, mode="r")["volumes/raw"].shape
    cut = (shape[1] // 2 + CHUNK // 2) // CHUNK * CHUNK
    jobs = [(path.rstrip("/"), dataset + "/chunks", i, a, b) for i, (a, b) in enumerate([(0, cut), (cut, shape[1])]) if a < b]
    with cf.ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = list(pool.map(work, jobs))
    objects = [d[0] for d in done]
    rows = instance_rows(sample, objects)
    pq.write_table(pa.Table.from_pylist(rows), dataset + "/instances/train.parquet", compression="ZSTD")
    png = preview(np.maximum.reduce([d[1] for d in done]), objects)
    row = {"sample_id": sample, "shape": list(shape), "preview": {"bytes": png, "path": sample + ".png"}}
    pq.write_table(pa.Table.from_pylist([row]), dataset + "/samples/train.parquet")
    shards = []
    for p in sorted(p for d in done for p in d[2]):
        with open(p, "rb") as f:
            shards.append({"path": p, "sha256": hashlib.file_digest(f, "sha256").hexdigest()})
    with open(dataset + "/manifest.json", "w") as f:
        json.dump(shards, f)


if __name__ == "__main__":
    main(*sys.argv[1:])
