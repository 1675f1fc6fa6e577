"""Compare a converted folder of PNG pairs with Pillow's reading of it.

usage: check_labels.py SOURCE DATASET
"""
import sys

import numpy as np
import pyarrow.dataset as ds
from PIL import Image

from check_nclsm import check_shape, read_array, rows

source, dataset = sys.argv[1:]
for split in ("train", "val"):
    sample = split + "_a"
    image = np.moveaxis(np.asarray(Image.open(f"{source}/{split}/images/a.png").convert("RGB")), -1, 0)
    got = read_array(dataset, sample, "raw", image.shape)
    assert (got == image).all()
    mask = np.asarray(Image.open(f"{source}/{split}/masks/a_mask.png")).astype(np.uint16)
    assert (read_array(dataset, sample, "gt_instances", (1,) + mask.shape)[0] == mask).all()
    for row in rows(dataset, "instances", sample_id=sample):
        assert row["array"] == "gt_instances" and row["class"] is None
        check_shape(row, mask == row["instance_id"])
assert {r["split"] for r in ds.dataset(dataset + "/samples", format="parquet").to_table().to_pylist()} == {"train", "val"}
