"""Compare the converted S60 sample of NCL-SM with what was published of it.

usage: check_s60.py SAMPLES DATASET REGION.npy

SAMPLES is the folder of the real files. REGION.npy is what `micropq read` made of rows
4000:5500 and columns 3000:4400 of the instance mask.
"""
import csv
import json
import sys

import numpy as np
import pyarrow.dataset as ds
import tifffile

samples, dataset, region = sys.argv[1:]
truth = tifffile.imread(samples + "/S60_groundtruth.tiff")
got = np.load(region)
assert got.dtype == truth.dtype and (got == truth[4000:5500, 3000:4400]).all()

table = ds.dataset(dataset + "/instances", format="parquet").to_table()
rows = {r["instance_id"]: r for r in table.filter(ds.field("array") == "gt_instances").to_pylist()}
areas = np.bincount(truth.ravel())
assert sorted(rows) == [i for i in range(1, len(areas)) if areas[i]]
published = [r for r in csv.DictReader(open(samples + "/S60_measurements.csv")) if r["FileName"] == "S60"]
for r in published:
    row = rows[int(r["Fibre_ID"])]
    assert row["area"] == row["Fiber_Area"] == areas[row["instance_id"]] == int(r["Fiber_Area"])
    assert row["Fiber_on_Border"] == (r["Fiber_on_Border"] == "True")
    assert row["Fiber_Perimeter"] == int(r["Fiber_Perimeter"])
    assert row["class"] is None and row["status"] is None and row["annotator"] == "first"
specks = sorted(set(rows) - {int(r["Fibre_ID"]) for r in published})
assert specks == [137, 180] and all(rows[i]["area"] == 1 for i in specks)

second = tifffile.imread(samples + "/S60_second_annotation.tiff")
drawn = table.filter(ds.field("array") == "second_annotation").to_pylist()
areas = np.bincount(second.ravel())
assert [r["label"] for r in drawn] == [i for i in range(1, len(areas)) if areas[i]]
assert all(r["area"] == areas[r["label"]] and r["annotator"] == "second" for r in drawn)

sample = ds.dataset(dataset + "/samples", format="parquet").to_table().to_pylist()[0]
assert sample["section"] == "S60" and sample["group_id"] == "S60" and sample["n_instances"] == 586
assert sample["pixel_size_um"] is None and sample["pixel_size_note"], sample["pixel_size_note"]
print(json.dumps({"fibres": len(rows), "published": len(published), "second": len(drawn), "why no pixel size": sample["pixel_size_note"]}))
