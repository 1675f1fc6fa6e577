"""Compares a converted data set with its source, item by item, through other libraries.

    check.py SOURCE DATASET [quick]

SOURCE is a folder of Arrow streams as make.py writes them.
"""

import glob
import io
import json
import os
import re
import struct
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp()

import datasets
import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from PIL import Image as Pillow
from scipy.fft import dctn

datasets.disable_progress_bars()


def source_rows(folder):
    rows, schema = [], None
    for path in sorted(glob.glob(folder + "/*.arrow")):
        with pa.OSFile(path, "rb") as f:
            table = pa.ipc.open_stream(f).read_all()
        schema = table.schema
        rows += table.to_pylist()
    return rows, datasets.Features.from_arrow_schema(schema)


def load(dataset, config):
    d = datasets.load_dataset(dataset, config, split="test")
    for name, feature in d.features.items():
        if isinstance(feature, datasets.Image):
            d = d.cast_column(name, datasets.Image(decode=False))
    return d


# Columns that a row of samples has under another name, or not at all.
ELSEWHERE = {"image_id": "sample_id", "split": "source_split"}
APART = {"image", "captions", "questions", "bbox", "polygon", "instances"}


def check_samples(rows, samples, features):
    assert len(rows) == len(samples), (len(rows), len(samples))
    for want, got in zip(rows, samples):
        for name, value in want.items():
            if name not in APART:
                assert got[ELSEWHERE.get(name, name)] == value, (name, value, got[ELSEWHERE.get(name, name)])
        assert got["image"] == want["image"], "image differs"
        if want["dataset"] is None:
            repaired = {"H2B-mCherry": "held_et_al_2010_h2b", "GalT\u2013EGFP": "held_et_al_2010_galt"}
            assert got["dataset_resolved"] == repaired.get(want["stain"]), got["dataset_resolved"]
        else:
            assert got["dataset_resolved"] is None
        assert got["extra"] is None
        check_image(got)
    for name, feature in features.items():
        if name not in APART:
            assert samples.features[ELSEWHERE.get(name, name)] == feature, (name, feature)


def check_image(got):
    data = got["image"]["bytes"]
    image = Pillow.open(io.BytesIO(data))
    assert (got["image_format"], got["width"], got["height"], got["image_mode"]) == (image.format, *image.size, image.mode), (got["image_mode"], image)
    assert got["image_digest"] == xxhash.xxh64(data).intdigest()
    if got["pixel_digest"] is None:
        return
    pixels = np.asarray(image)
    layout = {"I;16": "L;16"}.get(image.mode, image.mode)
    head = layout.encode() + b"\0" + struct.pack("<II", *image.size)
    if image.format != "JPEG":
        assert got["pixel_digest"] == xxhash.xxh64(head + pixels.tobytes()).intdigest(), (image.format, image.mode)
    luma = pixels if pixels.ndim == 2 else pixels[..., 0] if pixels.shape[2] == 2 else (pixels[..., :3].astype(int) @ [19595, 38470, 7471] + 32768) >> 16
    luma = luma >> 8 if luma.dtype == np.uint16 else luma
    # Decoders of JPEG round, and interpolate colour, each in their own way.
    exact = 8 if image.format == "JPEG" else 0
    for hash, allowed in ((defined(luma), exact), (floating(luma), exact + 4)):
        differ = (hash ^ got["perceptual_hash"]).bit_count()
        assert differ <= allowed, (image.format, image.mode, differ, allowed)


def share(n, cells=32):
    """How much of each of n pixels lies in each cell, a pixel being 32, as a matrix."""
    at = np.arange(n)[None, :] * cells
    cell = np.arange(cells)[:, None] * n
    return np.clip(np.minimum(at + cells, cell + n) - np.maximum(at, cell), 0, None)


def bits(low):
    low = low.ravel().tolist()
    middle = sum(sorted(low)[31:33])
    return int("".join("1" if 2 * v > middle else "0" for v in low), 2)


def defined(luma):
    """The perceptual hash as docs/vqa.md defines it."""
    h, w = luma.shape
    cells = (share(h) @ luma.astype(np.int64) @ share(w).T) * 256 // (h * w)
    u, x = np.arange(8)[:, None], np.arange(32)[None, :]
    cosines = np.round(np.cos(np.pi * (2 * x + 1) * u / 64) * 2**14).astype(np.int64)
    return bits(cosines @ cells @ cosines.T)


def floating(luma):
    """The same with scipy's DCT, nothing rounded."""
    h, w = luma.shape
    return bits(dctn(share(h) / h @ luma.astype(float) @ (share(w) / w).T, norm=None)[:8, :8])


def check_questions(rows, questions):
    got = {}
    for q in questions:
        key = (q["sample_id"], q["question_id"])
        assert key not in got, key
        got[key] = q
    n = 0
    for row in rows:
        for column, kind in (("captions", "caption"), ("questions", "question")):
            for name, want in row[column].items():
                q = got.get((row["image_id"], f"{column}.{name}"))
                assert (q is None) == (want is None), name
                if want is None:
                    continue
                n += 1
                match = re.fullmatch(r"(.+)_(\d+)", name)
                assert (q["kind"], q["type"], q["variant"]) == (kind, match[1] if match else name, int(match[2]) if match else None)
                assert q["answer_index"] == (None if want["answer_idx"] is None else int(want["answer_idx"]))
                assert q["source_id"] == want["id"] and q["dataset"] == row["dataset"]
                for field in ("name", "question", "options", "answer", "tags"):
                    assert q[field] == want.get(field), (name, field, want.get(field), q[field])
    assert n == len(got), (n, len(got))


def check_instances(rows, instances):
    got = {}
    for o in instances:
        got.setdefault(o["sample_id"], []).append(o)
    for row in rows:
        want = []
        if row.get("bbox") is not None:
            want = [(p["className"], b, p["points"], None) for b, p in zip(row["bbox"], row["polygon"])]
        elif row.get("instances"):
            three = row["instances"]
            want = [(three[i]["className"], three[i + 2]["points"], three[i]["points"], three[i + 1]["points"]) for i in range(0, len(three), 3)]
        have = got.get(row["image_id"], [])
        assert [(o["class"], o["box"], o["polygon"], o["point"]) for o in have] == want, (want, have)
        for k, o in enumerate(have):
            x, y = want[k][1][0::2], want[k][1][1::2]
            b = o["bbox"]
            assert (b["x0"], b["y0"], b["x1"], b["y1"]) == (int(np.floor(min(x))), int(np.floor(min(y))), int(np.ceil(max(x))), int(np.ceil(max(y))))


def check_others(rows, dataset):
    images = [r["image"]["bytes"] for r in rows]
    for table, count in (("samples", len(rows)), ("questions", None)):
        pattern = f"{dataset}/{table}/*.parquet"
        n = sum(pq.read_metadata(p).num_rows for p in glob.glob(pattern))
        assert count in (None, n)
        frame = pl.read_parquet(pattern)
        assert len(frame) == n
        assert duckdb.sql(f"select count(*) from '{pattern}'").fetchall()[0][0] == n
        if table == "samples":
            assert frame["image"].struct.field("bytes").to_list() == images
            assert [r[0] for r in duckdb.sql(f"select image.bytes from '{pattern}'").fetchall()] == images
    for path in glob.glob(dataset + "/*/*.parquet"):
        meta = pq.read_metadata(path)
        for g in range(meta.num_row_groups):
            assert meta.row_group(g).total_byte_size <= 100e6
            assert all(meta.row_group(g).column(c).has_offset_index for c in range(meta.num_columns))


def check_croissant(dataset, rows):
    import mlcroissant

    croissant = mlcroissant.Dataset(jsonld=dataset + "/croissant.json")
    assert not croissant.metadata.ctx.issues.errors, croissant.metadata.ctx.issues.report()
    ids = [r["samples/sample_id"].decode() for r in croissant.records("samples")]
    assert ids == [r["image_id"] for r in rows]


def main(source, dataset, quick=None):
    rows, features = source_rows(source)
    samples = load(dataset, "samples")
    check_samples(rows, samples, features)
    check_questions(rows, load(dataset, "questions"))
    if glob.glob(dataset + "/instances/*"):
        check_instances(rows, load(dataset, "instances"))
    decoded = datasets.load_dataset(dataset, "samples", split="test")[0]["image"]
    assert decoded.size == Pillow.open(io.BytesIO(rows[0]["image"]["bytes"])).size
    if quick is None:
        check_others(rows, dataset)
        check_croissant(dataset, rows)
    print(json.dumps({"samples": len(rows), "repaired": json.load(open(dataset + "/manifest.json")).get("repairs")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
