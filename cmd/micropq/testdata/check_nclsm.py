"""Compare a converted NCL-SM release with its files, using no code of micropq.

usage: check_nclsm.py SOURCE DATASET [open]

SOURCE is a release as testdata/gen writes it; tifffile with imagecodecs reads it. DATASET is
read by pyarrow and numpy; scipy finds pieces, holes and neighbours; with "open" Hugging Face
datasets, DuckDB and polars open it. Every check asserts; the last line of output counts what was
compared.
"""
import csv
import io
import json
import os
import re
import sys
import tempfile

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import tifffile
import xxhash
import zstandard
from PIL import Image
from scipy import ndimage

FOLDERS = {
    "raw": "Images", "gt_instances": "Mask_All_Myofibres", "mask_am": "Mask_All_AM",
    "mask_am_vs_nam": "Mask_AM_vs_NAM", "mask_ntm": "Mask_Non_Transverse_Myofibres",
    "mask_fam": "Mask_Freezing_Artefact_Myofibres", "mask_fr": "Mask_Folded_Regions",
    "second_annotation": "Mask_QA",
}
CLASSES = ["AM", "FAM", "FR", "NTM"]
EIGHT = np.ones((3, 3), int)


def rows(dataset, table, **equal):
    condition = None
    for name, value in equal.items():
        c = ds.field(name) == value
        condition = c if condition is None else condition & c
    return ds.dataset(f"{dataset}/{table}", format="parquet").to_table(filter=condition).to_pylist()


def read_array(dataset, sample, array, shape, level=0):
    """Assembles an array from its rows, checking every row's own claims."""
    out = seen = None
    for row in rows(dataset, "chunks", sample_id=sample, array=array, level=level):
        dtype = np.dtype(row["dtype"])
        if out is None:
            out, seen = np.zeros(shape, dtype), np.zeros(shape, np.uint8)
        size = [row["size_" + a] for a in "cyx"]
        if row["data"] is None:
            data = np.full(size, row["fill"], dtype)
        else:
            raw = np.frombuffer(zstandard.decompress(row["data"]), np.uint8)
            data = raw.reshape(dtype.itemsize, -1).T.copy().view(dtype).reshape(size)
        assert xxhash.xxh64(data.tobytes()).intdigest() == row["digest"]
        assert row["ids"] is None or row["ids"] == [i for i in np.unique(data).tolist() if i]
        box = tuple(slice(row[a], row[a] + row["size_" + a]) for a in "cyx")
        out[box], seen[box] = data, seen[box] + 1
    assert (seen == 1).all(), "a pixel is in no chunk, or in several"
    return out


def decode(row, shape):
    """The mask of a row: COCO's column-major runs in the box."""
    b = row["bbox"]
    h, w = b["y1"] - b["y0"], b["x1"] - b["x0"]
    mask = np.zeros(shape, bool)
    flat = np.repeat(np.arange(len(row["rle"])) % 2, row["rle"]).astype(bool)
    mask[b["y0"]:b["y1"], b["x0"]:b["x1"]] = flat.reshape(w, h).T
    return mask


def check_shape(row, truth):
    assert (decode(row, truth.shape) == truth).all(), row["instance_id"]
    y, x = np.nonzero(truth)
    b, c = row["bbox"], row["centroid"]
    assert row["area"] == row["Fiber_Area"] == len(y)
    assert [b["y0"], b["x0"], b["y1"], b["x1"]] == [y.min(), x.min(), y.max() + 1, x.max() + 1]
    assert np.allclose([c["y"], c["x"]], [y.mean(), x.mean()])
    assert row["pieces"] == ndimage.label(truth, EIGHT)[1]
    assert row["holes"] == ndimage.label(~np.pad(truth, 1))[1] - 1
    h, w = truth.shape
    assert row["Fiber_on_Border"] == (y.min() == 0 or x.min() == 0 or y.max() == h - 1 or x.max() == w - 1)


def neighbours(labels):
    """The pairs of values that lie side by side."""
    pairs = {}
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        meet = (a != b) & (a != 0) & (b != 0)
        for p, q in set(zip(a[meet].tolist(), b[meet].tolist())):
            pairs.setdefault(p, set()).add(q)
            pairs.setdefault(q, set()).add(p)
    return pairs


def expected_class(truth, arrays):
    shares = {c: float((arrays["mask_" + c.lower()][truth] != 0).mean()) for c in CLASSES}
    claims = [c for c in CLASSES if shares[c] >= 0.5]
    if len(claims) == 1:
        return claims[0], None, shares
    return None, "contradictory" if claims else "unclassified", shares


def check_objects(dataset, sample, arrays):
    counts = {}
    for name in ("gt_instances", "second_annotation"):
        labels, near = arrays[name], neighbours(arrays[name])
        found = rows(dataset, "instances", sample_id=sample, array=name)
        assert [r["instance_id"] for r in found] == [i for i in np.unique(labels).tolist() if i]
        for row in found:
            truth = labels == row["instance_id"]
            assert row["label"] == row["instance_id"]
            check_shape(row, truth)
            assert row["touching"] == sorted(near.get(row["instance_id"], ()))
            if name == "second_annotation":
                assert row["class"] is None and row["annotator"] == "second"
                continue
            cls, status, shares = expected_class(truth, arrays)
            assert (row["class"], row["status"]) == (cls, status), row
            for c in CLASSES:
                assert abs(row["share_" + c.lower()] - shares[c]) < 1e-12
            assert len(row["reasons"]) >= 1
            values, n = np.unique(arrays["mask_am_vs_nam"][truth], return_counts=True)
            assert row["am_vs_nam"] == values[n.argmax()] and abs(row["am_vs_nam_share"] - n.max() / n.sum()) < 1e-12
            counts[cls or status] = counts.get(cls or status, 0) + 1
    labelled, n = ndimage.label(arrays["mask_fr"], EIGHT)
    found = rows(dataset, "instances", sample_id=sample, array="regions_fr")
    assert [r["instance_id"] for r in found] == list(range(1, n + 1))
    for row in found:
        assert row["class"] == "FR" and row["label"] == 255
        check_shape(row, labelled == row["instance_id"])
    counts["FR region"] = n
    return counts


def check_sample(row, source, technique, name):
    table = list(csv.DictReader(open(source + "/clinical_info.csv")))
    clinical = next(r for r in table if r["Tissue Section"] == name and r["Imaging Technique"] == technique)
    assert (row["section"], row["technique"], row["subset"]) == (name, technique, technique)
    assert row["group_id"] == re.sub(r"-\d+$", "", name)
    assert (row["diagnosis"], row["biopsy"], row["myofibre_count"]) == \
        (clinical["Diagnosis"], clinical["Biopsy"], clinical["Myofibre Count"])
    assert row["channels"] == ["membrane", "mitochondrial_mass", "blue"]
    assert row["pixel_size_um"] is None and "esolution" in row["pixel_size_note"]
    assert row["licence"] == "CC-BY-4.0" and row["source"] == f"{technique}/Images/{name}.tiff"
    assert Image.open(io.BytesIO(row["preview"]["bytes"])).format == "PNG"


def check_openers(dataset):
    """Hugging Face datasets, DuckDB and polars open what was written."""
    import datasets
    import duckdb
    import polars
    with tempfile.TemporaryDirectory() as cache:
        for split in datasets.load_dataset(dataset, "samples", cache_dir=cache).values():
            for row in split:
                assert row["preview"].size[0] > 1, "the preview is not an image"
    found = duckdb.sql(f"""
        select i.sample_id, i.class, count(*), sum(i.area), avg(i.share_ntm)
        from '{dataset}/instances/*.parquet' i join '{dataset}/chunks/*.parquet' c
          on c.sample_id = i.sample_id and c.array = i.array and list_contains(c.ids, i.label)
        where c.level = 0 group by all""").fetchall()
    assert found
    assert polars.read_parquet(dataset + "/instances/*.parquet").height > 0


def main(source, dataset, more=""):
    pixels, total = 0, {}
    for row in rows(dataset, "samples"):
        sample = row["sample_id"]
        technique, name = sample.split("_", 1)
        arrays = {}
        assert sorted(a["name"] for a in row["arrays"]) == sorted(FOLDERS)
        for array, folder in FOLDERS.items():
            want = tifffile.imread(f"{source}/{technique}/{folder}/{name}.tiff")
            arrays[array] = want
            if want.ndim == 3:
                want = np.moveaxis(want, -1, 0)
            got = read_array(dataset, sample, array, want.shape if want.ndim == 3 else (1,) + want.shape)
            assert got.dtype == want.dtype and (got == want).all(), (sample, array)
            pixels += want.size
        check_sample(row, source, technique, name)
        blue = arrays["raw"][..., 2].any()
        assert row["empty_channels"] == ([] if blue else ["blue"])
        counts = check_objects(dataset, sample, arrays)
        assert row["n_instances"] == sum(n for k, n in counts.items() if k != "FR region")
        for k, n in counts.items():
            total[k] = total.get(k, 0) + n
    for shard in json.load(open(dataset + "/manifest.json"))["shards"]:
        whole = pq.ParquetFile(os.path.join(dataset, shard["path"]), page_checksum_verification=True)
        assert whole.read().num_rows == shard["rows"]
    if more == "open":
        check_openers(dataset)
    print(json.dumps({"pixels": pixels, "objects": total}))


if __name__ == "__main__":
    main(*sys.argv[1:])
