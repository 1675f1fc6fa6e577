"""Writes items with the columns of mu-Bench, through the datasets library itself.

    make.py OUT [--rows 1000] [--files 3] [--revision a|b] [--formats arrow,file,parquet,jsonl,json]

Revision a has answer_idx as text and the lists bbox and polygon, revision b answer_idx as a
number and instances in threes. The same arguments give the same items.
"""

import argparse
import base64
import io
import json
import os
import random
import uuid

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset, DatasetInfo, Features, Image, List, Value
from datasets.arrow_writer import ArrowWriter
from PIL import Image as Pillow

LABELS = ["basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil", "platelet"]
DATASETS = ["acevedo_et_al_2020", "burgess_et_al_2024", None, "jung_et_al_2022", "kather_et_al_2016"]
MODALITIES = ["light microscopy", "fluorescence microscopy", "electron microscopy"]
TYPES = ["modality", "submodality", "domain", "subdomain", "stain"]


def features(revision):
    index = Value("string" if revision == "a" else "int64")
    question = {"id": Value("string"), "name": Value("string"), "question": Value("string"), "options": List(Value("string")),
                "answer": Value("string"), "answer_idx": index}
    caption = {"id": Value("string"), "name": Value("string"), "question": Value("string"), "answer_idx": index,
               "options": List(Value("string")), "tags": List(Value("string"))}
    columns = {
        "image_id": Value("string"), "image": Image(), "label": ClassLabel(names=LABELS), "label_name": Value("string"),
        "dataset": Value("string"), "domain": Value("string"), "institution": Value("string"), "license": Value("string"),
        "microns_per_pixel": Value("float32"), "modality": Value("string"), "ncbitaxon_id": Value("string"),
        "ncbitaxon_name": Value("string"), "pmid": Value("int64"), "split": Value("string"), "stain": Value("string"),
        "subdomain": Value("string"), "submodality": Value("string"), "synthetic": Value("bool"),
        "captions": {f"{t}_{n}": caption for t in TYPES[:3] for n in range(2)},
        "questions": {t: question for t in ["classification"] + TYPES},
    }
    if revision == "a":
        columns["bbox"] = List(List(Value("float32")))
        columns["polygon"] = List({"className": Value("string"), "points": List(Value("float32"))})
    else:
        columns["instances"] = List({"type": Value("string"), "className": Value("string"), "points": List(Value("float32"))})
    return Features(columns)


def encoded(rng, i, side):
    """The bytes of an image and its name's extension."""
    noise = np.random.default_rng(rng.getrandbits(32))
    h, w = side + i % 7, side + i % 5
    ramp = np.add.outer(np.arange(h), np.arange(w))[..., None] * 3
    pixels = ((ramp + noise.integers(0, 40, (h, w, 4)) + i) % 256).astype(np.uint8)
    kind = i % 10
    out = io.BytesIO()
    if kind < 3:
        Pillow.fromarray(pixels[..., :3]).save(out, "PNG")
    elif kind == 3:
        Pillow.fromarray(pixels[..., 0]).save(out, "PNG")
    elif kind == 4:
        Pillow.fromarray(pixels).save(out, "PNG")
    elif kind == 5:
        Pillow.fromarray(pixels[..., :2], "LA").save(out, "PNG")
    elif kind == 6:
        Pillow.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(out, "TIFF")
    elif kind == 7:
        Pillow.fromarray(pixels[..., :3]).save(out, "TIFF", compression="tiff_lzw" if i % 20 == 7 else None)
    else:
        Pillow.fromarray(pixels[..., :3] if kind == 8 else pixels[..., 0]).save(out, "JPEG", quality=90)
    return out.getvalue(), ["png", "png", "png", "png", "png", "png", "tif", "tif", "jpg", "jpg"][kind]


def row(i, seed, revision, side=24, image=None):
    rng = random.Random(seed * 1000003 + i)
    data, extension = image or encoded(rng, i, side)
    name = str(uuid.UUID(int=rng.getrandbits(128)))
    dataset = DATASETS[i % len(DATASETS)]
    stain = rng.choice(["H&E", "Wright-Giemsa", None])
    if dataset is None:
        stain = ["H2B-mCherry", "GalT\u2013EGFP", "unknown"][rng.randrange(3)]
    index = str if revision == "a" else int

    def options(k):
        return [f"option {k} {j}" for j in range(2 + rng.randrange(3))] + ["none of the above"]

    def caption(kind):
        o = options(kind)
        return {"id": f"c{rng.getrandbits(24)}", "name": kind, "question": "This is {class}.", "answer_idx": index(rng.randrange(len(o))),
                "options": o, "tags": rng.choice([None, [], ["easy"], ["a", "b"]])}

    def question(kind):
        o = options(kind)
        k = rng.randrange(len(o))
        return {"id": str(rng.getrandbits(24)), "name": kind, "question": f"What is the {kind}?", "options": o, "answer": o[k], "answer_idx": index(k)}

    out = {
        "image_id": name, "image": {"bytes": data, "path": f"{name}.{extension}"},
        "label": rng.choice([None] + list(range(len(LABELS)))), "label_name": rng.choice(LABELS), "dataset": dataset,
        "domain": rng.choice(["biology", "pathology"]), "institution": rng.choice([None, "University of \u00c9vora"]),
        "license": rng.choice(["CC BY 4.0", "CC BY-NC-SA 4.0", "other"]), "microns_per_pixel": rng.choice([None, 0.25, 0.1, 1.5]),
        "modality": rng.choice(MODALITIES), "ncbitaxon_id": "NCBITaxon:9606", "ncbitaxon_name": "Homo sapiens",
        "pmid": rng.choice([None, 20000000 + rng.randrange(1000)]), "split": rng.choice(["train", "test"]), "stain": stain,
        "subdomain": rng.choice([None, "hematology"]), "submodality": "brightfield", "synthetic": rng.random() < 0.1,
        "captions": {f"{t}_{n}": caption(t) for t in TYPES[:3] for n in range(2)},
        "questions": {t: question(t) for t in ["classification"] + TYPES},
    }
    if i % 4 == 0:
        out["questions"]["stain"] = None
    if i % 9 == 0:
        out["questions"]["domain"] = dict.fromkeys(out["questions"]["domain"])
    objects = []
    for _ in range(rng.randrange(3)):
        x, y = rng.randrange(12), rng.randrange(12)
        objects.append((rng.choice(["nucleus", "CD3"]), [x, y, x + 5.5, y + 6], [x, y, x + 5.5, y, x + 2, y + 6], [x + 2.5, y + 3]))
    if revision == "a":
        out["bbox"] = [o[1] for o in objects] if i % 11 else None
        out["polygon"] = [{"className": o[0], "points": o[2]} for o in objects] if i % 11 else None
    else:
        out["instances"] = [{"type": t, "className": o[0], "points": o[k]} for o in objects
                            for t, k in (("polygon", 2), ("point", 3), ("bbox", 1))]
    return out


def arrow(folder, rows, files, feats, batch):
    os.makedirs(folder)
    lengths = []
    for f in range(files):
        part = rows[len(rows) * f // files:len(rows) * (f + 1) // files]
        path = f"{folder}/u_bench-test-{f:05d}-of-{files:05d}.arrow" if files > 1 else f"{folder}/u_bench-test.arrow"
        with ArrowWriter(features=feats, path=path, writer_batch_size=batch) as writer:
            for r in part:
                writer.write(feats.encode_example(r))
            writer.finalize()
        lengths.append(len(part))
    info(folder, feats, lengths)


def info(folder, feats, lengths):
    DatasetInfo(features=feats, dataset_name="u_bench").write_to_directory(folder)
    path = folder + "/dataset_info.json"
    with open(path) as f:
        d = json.load(f)
    d["splits"] = {"test": {"name": "test", "num_examples": sum(lengths), "shard_lengths": lengths, "dataset_name": "u_bench"}}
    with open(path, "w") as f:
        json.dump(d, f)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--rows", type=int, default=1000)
    p.add_argument("--files", type=int, default=3)
    p.add_argument("--revision", default="a")
    p.add_argument("--batch", type=int, default=100)
    p.add_argument("--side", type=int, default=24)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--formats", default="arrow")
    a = p.parse_args()
    feats = features(a.revision)
    rows = [row(i, a.seed, a.revision, a.side) for i in range(a.rows)]
    arrow(a.out + "/arrow", rows, a.files, feats, a.batch)
    formats = a.formats.split(",")
    names = sorted(n for n in os.listdir(a.out + "/arrow") if n.endswith(".arrow"))
    for name in names:
        stem = name[:-6]
        with pa.OSFile(a.out + "/arrow/" + name, "rb") as f:
            table = pa.ipc.open_stream(f).read_all()
        if "file" in formats:
            os.makedirs(a.out + "/file", exist_ok=True)
            with pa.ipc.new_file(f"{a.out}/file/{name}", table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as w:
                w.write_table(table, max_chunksize=70)
        if "parquet" in formats:
            os.makedirs(a.out + "/parquet", exist_ok=True)
            Dataset(table).to_parquet(f"{a.out}/parquet/{stem}.parquet", batch_size=90)
        if "jsonl" in formats:
            os.makedirs(a.out + "/jsonl", exist_ok=True)
            with open(f"{a.out}/jsonl/{stem}.jsonl", "w") as f:
                for r in table.to_pylist():
                    r["image"]["bytes"] = base64.b64encode(r["image"]["bytes"]).decode()
                    f.write(json.dumps(r, ensure_ascii=False) + "\n")
        if "json" in formats:
            documents(f"{a.out}/json/test", table)
    for fmt in ("jsonl", "json"):
        if fmt in formats:
            info(f"{a.out}/{fmt}", feats, [a.rows])


def documents(folder, table):
    """One JSON an image, in the layout of earlier releases."""
    os.makedirs(folder, exist_ok=True)
    names = table.schema.names
    for r in table.to_pylist():
        image = r.pop("image")
        with open(f"{folder}/{image['path']}", "wb") as f:
            f.write(image["bytes"])
        doc = {"metadata": {"name": image["path"]}, "instances": r.pop("instances", None),
               "custom_metadata": {n: r[n] for n in names if n in r and n not in ("image_id", "label_name")}, "label_name": r["label_name"]}
        if doc["instances"] is None:
            del doc["instances"]
        with open(f"{folder}/{r['image_id']}.json", "w") as f:
            json.dump(doc, f)


if __name__ == "__main__":
    main()
