"""A second reader of the format: docs/FORMAT.md in pyarrow and numpy."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

#: the newest major version of the format that this reader knows
MAJOR = 1


class DamageError(RuntimeError):
    """The data set is not what its manifest or its rows say, or is none."""


class Dataset:
    """An open data set. It holds the manifest and the samples table, nothing else."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        try:
            with io_open(os.path.join(self.path, "manifest.json"), encoding="utf-8") as f:
                self.manifest: dict[str, Any] = json.load(f)
        except FileNotFoundError:
            raise DamageError(f"{self.path} has no manifest.json: this is no data set, or its conversion is not finished") from None
        except ValueError as e:
            raise DamageError(f"{self.path}/manifest.json: {e}") from None
        version = str(self.manifest.get("version"))
        if not version.split(".")[0].isdigit() or int(version.split(".")[0]) > MAJOR:
            raise DamageError(f"{self.path} has version {version} of the format, this reader knows {MAJOR}: update micropq")
        self.samples: pa.Table = self.table("samples")

    def shards(self, table: str, split: str | None = None) -> list[str]:
        """Paths of a table's shards, in the order of their rows."""
        return [
            os.path.join(self.path, *s["path"].split("/"))
            for s in self.manifest["shards"]
            if s["table"] == table and split in (None, s["split"])
        ]

    def table(self, table: str, split: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """A table whole; ``batches`` for one that memory does not hold."""
        return pa.concat_tables([pq.ParquetFile(p).read(columns=columns) for p in self.shards(table, split)], promote_options="default")

    def batches(self, table: str, split: str | None = None, columns: Sequence[str] | None = None, batch_size: int = 1024) -> Iterator[pa.RecordBatch]:
        """The rows of a table, some at a time."""
        for path in self.shards(table, split):
            yield from pq.ParquetFile(path).iter_batches(batch_size, columns=columns)

    def array(self, sample: str, name: str) -> dict[str, Any]:
        """The description of an array: axes, shape, chunk, dtype, fill, levels."""
        rows = self.samples.filter(pc.equal(self.samples["sample_id"], sample))
        for a in (rows["arrays"][0].as_py() or []) if len(rows) else []:
            if a["name"] == name:
                return {**a, "split": rows["split"][0].as_py()}
        raise KeyError(f"sample {sample!r} has no array {name!r}")

    def read_region(self, sample: str, array: str, region: Sequence[slice | int] = (), level: int = 0) -> np.ndarray:
        """A region of an array, as numpy would slice it: one slice or index an axis, the rest whole.

        An axis with an index stays, with extent 1. The chunks that the region touches are found by
        the bounds of their row groups, and decoded one at a time.
        """
        if {"sample": sample, "array": array} in self.manifest.get("revision", {}).get("redrawn", []):
            raise ValueError(f"sample {sample}, array {array}: its instances were edited, and their masks in the table instances count, not its chunks")
        a = self.array(sample, array)
        axes, dtype = a["axes"], np.dtype(a["dtype"]).newbyteorder("<")
        shape = [n if x in "TC" else -(-n // 2**level) for x, n in zip(axes, a["shape"])]
        box = [_bounds(r, n) for r, n in zip([*region, *[slice(None)] * (len(axes) - len(region))], shape)]
        out = np.full([hi - lo for lo, hi in box], a["fill"], dtype)
        seen = 0
        for row in self._chunks(sample, array, level, a["split"], axes, box):
            origin = [row[x.lower()] for x in axes]
            size = [row["size_" + x.lower()] for x in axes]
            source = tuple(slice(max(0, lo - o), min(n, hi - o)) for (lo, hi), o, n in zip(box, origin, size))
            target = tuple(slice(max(0, o - lo), min(hi, o + n) - lo) for (lo, hi), o, n in zip(box, origin, size))
            seen += int(np.prod([s.stop - s.start for s in source]))
            if row["data"] is not None:
                out[target] = _decode(row["data"], row["encoding"], dtype, size)[source]
        if seen != out.size:
            raise DamageError(f"sample {sample}, array {array}, level {level}: rows of chunks are missing ({seen} of {out.size} elements are there)")
        return out

    def _chunks(self, sample: str, array: str, level: int, split: str, axes: str, box: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
        touched = (pc.field("sample_id") == sample) & (pc.field("array") == array) & (pc.field("level") == level)
        for x, (lo, hi) in zip(axes.lower(), box):
            touched &= (pc.field(x) < hi) & (pc.field(x) + pc.field("size_" + x) > lo)
        columns = [*axes.lower(), *["size_" + x for x in axes.lower()], "encoding", "data"]
        for path in self.shards("chunks", split):
            for batch in pa.dataset.dataset(path).to_batches(columns=columns, filter=touched, batch_size=16):
                yield from batch.to_pylist()


def _bounds(r: slice | int, n: int) -> tuple[int, int]:
    if isinstance(r, slice):
        lo, hi, step = r.indices(n)
        if step != 1:
            raise ValueError(f"{r}: regions have step 1")
        return lo, max(lo, hi)
    i = r + n if r < 0 else r
    if not 0 <= i < n:
        raise IndexError(f"index {r} of an axis of {n}")
    return i, i + 1


def _decode(payload: bytes, encoding: str, dtype: np.dtype, size: list[int]) -> np.ndarray:
    if encoding != "raw":
        n = int(np.prod(size)) * dtype.itemsize
        payload = pa.Codec("zstd").decompress(payload, n)
    flat = np.frombuffer(payload, np.uint8)
    if encoding == "shuffle+zstd":
        flat = flat.reshape(dtype.itemsize, -1).T.copy()
    elif encoding not in ("raw", "zstd"):
        raise DamageError(f"encoding {encoding!r} is not known")
    return flat.view(dtype).reshape(size)


io_open = open


def open(path: str | os.PathLike[str]) -> Dataset:  # noqa: A001
    """Open the data set in a folder."""
    return Dataset(path)
