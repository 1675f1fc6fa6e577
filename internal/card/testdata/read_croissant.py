"""Validates croissant.json with mlcroissant and reads every record set."""

import hashlib
import json
import pathlib
import subprocess
import sys

import mlcroissant as mlc
import pandas as pd
import PIL.Image
import pyarrow.parquet as pq

root = pathlib.Path(sys.argv[1])
path = root / "croissant.json"
manifest = json.loads((root / "manifest.json").read_text())

command = pathlib.Path(sys.executable).parent / "mlcroissant"
run = subprocess.run([command, "validate", "--jsonld", str(path)], capture_output=True, text=True)
assert run.returncode == 0 and "Done." in run.stderr, run.stderr

ds = mlc.Dataset(jsonld=str(path))
assert not ds.metadata.ctx.issues.errors, ds.metadata.ctx.issues.report()
warnings = [w for w in ds.metadata.ctx.issues.warnings if "datePublished" not in str(w)]
assert not warnings, warnings
assert [str(x) for x in ds.metadata.license] == ["https://spdx.org/licenses/CC-BY-4.0"], ds.metadata.license
assert ds.metadata.cite_as == manifest["source"]["citation"]

files = {f.id: f for f in ds.metadata.file_objects}
assert sorted(files) == sorted(s["path"] for s in manifest["shards"])
for f in files.values():
    assert hashlib.sha256((root / f.content_url).read_bytes()).hexdigest() == f.sha256
    assert f.content_size == f"{(root / f.content_url).stat().st_size} B"

records = {r.id: list(ds.records(r.id)) for r in ds.metadata.record_sets}
rows = {}
for s in manifest["shards"]:
    rows[s["table"]] = rows.get(s["table"], 0) + s["rows"]
assert {k: len(v) for k, v in records.items()} == rows, records

a, b = records["samples"]
assert a["samples/sample_id"] == b"a" and a["samples/split"] == b"train"
assert isinstance(a["samples/preview"], PIL.Image.Image) and a["samples/preview"].size == (7, 5)
assert a["samples/shape"] == [3, 4, 5, 6]
assert [x["samples/arrays/name"] for x in a["samples/arrays"]] == [b"raw", b"gt"]
assert [x["samples/arrays/shape"] for x in a["samples/arrays"]] == [[3, 4, 5, 6], [4, 5, 6]]
assert a["samples/acquired"] == pd.Timestamp(1970, 1, 1) + pd.Timedelta(days=17000)
assert a["samples/matrix"] == [[1.0, 2.0], []]
assert a["samples/%C2%B5m%20per%20pixel%2F%C3%BC"] == 0.44
assert a["samples/captions/modality_0"]["samples/captions/modality_0/options"] == [b"light", b"electron"]
assert a["samples/captions"] == {"samples/captions/parent": b"x", "samples/captions/a%20b": 7}, a["samples/captions"]
assert b["samples/preview"] is None and b["samples/matrix"] is None

chunks = records["chunks"]
assert [c["chunks/split"] for c in chunks] == [b"train"] * 3 + [b"val"]
assert [c["chunks/data"] is None for c in chunks] == [True, False, False, False]
shards = sorted((root / "chunks").iterdir())
payloads = [data for shard in shards for data in pq.read_table(shard)["data"].to_pylist()]
assert [c["chunks/data"] for c in chunks] == payloads
assert [c["chunks/x"] for c in ds.records("chunks", filters={"chunks/split": "val"})] == [0]
assert records["instances"][0]["instances/bbox"]["instances/bbox/y1"] == 2
assert records["instances"][0]["instances/rle"] == [1, 2, 1]
print("ok")
