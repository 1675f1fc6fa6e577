"""Print what pyarrow, polars and duckdb read from a shard, a line a row.

Usage: read_shard.py SHARD READER
"""
import hashlib
import sys

import duckdb
import polars
import pyarrow.parquet as pq

path, reader = sys.argv[1:]
if reader == "pyarrow":
    rows = pq.read_table(path, page_checksum_verification=True).to_pylist()
elif reader == "polars":
    rows = polars.read_parquet(path).to_dicts()
else:
    rows = duckdb.read_parquet(path).to_arrow_table().to_pylist()


def digest(b):
    return "null" if b is None else f"{len(b)}:{hashlib.sha256(b).hexdigest()}"


for row in rows:
    image = row["image"] or {"bytes": None, "path": "null"}
    mean = "null" if row["mean"] is None else row["mean"].hex()
    print(row["sample_id"], row["z"], row["digest"], mean, list(row["ids"]),
          digest(row["data"]), digest(image["bytes"]), image["path"] or "null")
