"""The peers of `micropq convert ubench`, and the items that they are measured on.

    vqa.py make FOLDER GIGABYTES        Arrow streams of the datasets library
    vqa.py datasets FOLDER OUT          load_dataset("arrow") and to_parquet
    vqa.py pyarrow FOLDER OUT [decode]  samples and questions with pyarrow; decode adds Pillow
    vqa.py scan-datasets OUT            questions of one type of one data set
    vqa.py scan-duckdb OUT
"""

import glob
import io
import os
import random
import resource
import struct
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "convert", "ubench", "testdata"))
TYPE, DATASET = "stain", "jung_et_al_2022"


def pool(seed=7):
    """Encoded images of 224 to 2048 pixels a side, 200 KB on average as in the release, half PNG and half JPEG."""
    import numpy as np
    from PIL import Image, ImageFilter

    images = []
    sides = [224] * 8 + [256] * 6 + [300] * 4 + [363] * 3 + [400] * 3 + [512] * 3 + [640, 1024, 1024, 2048]
    for k, side in enumerate(s for s in sides for _ in range(2)):
        noise = np.random.default_rng(seed + k).normal(0, 1, (side, side, 3)) * 40
        smooth = np.asarray(Image.fromarray(np.clip(noise + 128, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2)), float)
        pixels = np.clip((smooth - 128) * 5 + 128 + noise / 16, 0, 255).astype(np.uint8)
        out = io.BytesIO()
        if k % 2 == 0:
            Image.fromarray(pixels).save(out, "PNG")
        else:
            Image.fromarray(pixels).save(out, "JPEG", quality=92)
        images.append((out.getvalue(), "png" if k % 2 == 0 else "jpg"))
    return images


def marked(image, i):
    """The image with a comment that no other has: the pixels are the pool's."""
    data, extension = image
    note = b"Comment\0" + str(i).encode()
    if extension == "jpg":
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(note) + 2) + note + data[2:], extension
    chunk = b"tEXt" + note
    return data[:33] + struct.pack(">I", len(note)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:], extension


def make(folder, gigabytes):
    from datasets.arrow_writer import ArrowWriter
    import make as items

    feats = items.features("a")
    images = pool()
    os.makedirs(folder)
    files, size, i, lengths = 4, 0, 0, []
    for f in range(files):
        path = f"{folder}/u_bench-test-{f:05d}-of-{files:05d}.arrow"
        lengths.append(0)
        with ArrowWriter(features=feats, path=path, writer_batch_size=100) as writer:
            while size < float(gigabytes) * 1e9 * (f + 1) / files:
                row = items.row(i, 1, "a", image=marked(images[random.Random(i).randrange(len(images))], i))
                size += len(row["image"]["bytes"])
                writer.write(feats.encode_example(row))
                i, lengths[-1] = i + 1, lengths[-1] + 1
            writer.finalize()
    items.info(folder, feats, lengths)
    print(i, "items,", size, "bytes of images")


def with_datasets(folder, out):
    os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp(dir=os.path.dirname(out))
    import datasets

    datasets.disable_progress_bars()
    os.makedirs(out)
    d = datasets.load_dataset("arrow", data_files={"test": sorted(glob.glob(folder + "/*.arrow"))}, split="test")
    d.to_parquet(out + "/test.parquet")


def perceptual(image):
    import numpy as np
    from scipy.fft import dctn

    low = dctn(np.asarray(image.convert("L").resize((32, 32), 4), float))[:8, :8].ravel()
    return int("".join("1" if v > np.median(low) else "0" for v in low), 2)


def facts(data, decode):
    """What micropq finds out of an image."""
    import xxhash
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    out = {"image_format": image.format, "width": image.width, "height": image.height, "image_mode": image.mode,
           "image_digest": xxhash.xxh64_intdigest(data)}
    if decode:
        out["pixel_digest"] = xxhash.xxh64_intdigest(image.tobytes())
        out["perceptual_hash"] = perceptual(image)
    return out


def with_pyarrow(folder, out, decode=False):
    """samples with the facts of images, and a table of questions, a file each per source file."""
    import hashlib

    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for table in ("samples", "questions"):
        os.makedirs(f"{out}/{table}")
    options = dict(compression="zstd", write_page_index=True, write_page_checksum=True, use_dictionary=["dataset", "type", "kind", "modality"])
    for path in sorted(glob.glob(folder + "/*.arrow")):
        name = os.path.basename(path)[:-6] + ".parquet"
        samples = questions = None
        with pa.memory_map(path) as f:
            for batch in pa.ipc.open_stream(f):
                t = pa.Table.from_batches([batch])
                blobs = pc.struct_field(t["image"], "bytes")
                rows = [facts(b.as_py(), decode) for b in blobs]
                more = pa.table({k: pa.array([r[k] for r in rows], pa.uint64() if isinstance(rows[0][k], int) else pa.string()) for k in rows[0]})
                wide = t.drop_columns(["captions", "questions", "bbox", "polygon"])
                for c in more.column_names:
                    wide = wide.append_column(c, more[c])
                q = flat_questions(t)
                if samples is None:
                    samples = pq.ParquetWriter(f"{out}/samples/{name}", wide.schema,
                                               column_encoding={"image.bytes": "PLAIN", "image.path": "PLAIN"},
                                               **{**options, "compression": {c: "none" if c == "image" else "zstd" for c in leaves(wide.schema)}})
                    questions = pq.ParquetWriter(f"{out}/questions/{name}", q.schema, **options)
                samples.write_table(wide)
                questions.write_table(q)
        samples.close()
        questions.close()
    for path in glob.glob(out + "/*/*.parquet"):  # the digests that a manifest lists
        with open(path, "rb") as f:
            hashlib.file_digest(f, "sha256")


def leaves(schema):
    return [n for n in schema.names if n != "image"]


def flat_questions(t):
    """The fields of both structs, one below the other, without a loop over rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = []
    for column, kind in (("captions", "caption"), ("questions", "question")):
        struct_ = t[column].combine_chunks()
        for field in struct_.type:
            q = pc.struct_field(struct_, field.name)
            n = len(q)
            stem, _, number = field.name.rpartition("_")
            get = lambda name: pc.struct_field(q, name) if q.type.get_field_index(name) >= 0 else pa.nulls(n, pa.list_(pa.string()) if name == "tags" else pa.string())
            part = pa.table({
                "sample_id": t["image_id"].combine_chunks(), "question_id": pa.array([f"{column}.{field.name}"] * n),
                "kind": pa.array([kind] * n), "type": pa.array([stem if number.isdigit() else field.name] * n),
                "variant": pa.array([int(number) if number.isdigit() else None] * n, pa.int32()),
                "question": get("question"), "options": get("options"), "answer": get("answer"),
                "answer_index": pc.cast(get("answer_idx"), pa.int32()), "tags": get("tags"), "name": get("name"),
                "dataset": t["dataset"].combine_chunks(), "source_id": get("id"),
            })
            parts.append(part.filter(pc.is_valid(q)))
    return pa.concat_tables(parts)


def scan_datasets(out):
    os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp()
    import datasets

    datasets.disable_progress_bars()
    d = datasets.load_dataset(out, "questions", split="test")
    times = []
    for _ in range(5):
        datasets.disable_caching()
        start = time.perf_counter()
        n = len(d.filter(lambda types, sets: [t == TYPE and s == DATASET for t, s in zip(types, sets)],
                         input_columns=["type", "dataset"], batched=True)[:]["question"])
        times.append(time.perf_counter() - start)
    print(n, "questions", sorted(times)[2])


def scan_duckdb(out):
    import duckdb

    times = []
    for _ in range(5):
        db = duckdb.connect()
        start = time.perf_counter()
        rows = db.execute(f"select * from '{out}/questions/*.parquet' where type = '{TYPE}' and dataset = '{DATASET}'").fetchall()
        times.append(time.perf_counter() - start)
    print(len(rows), "questions", sorted(times)[2])


if __name__ == "__main__":
    command, rest = sys.argv[1], sys.argv[2:]
    start = time.perf_counter()
    if command == "pyarrow":
        with_pyarrow(rest[0], rest[1], "decode" in rest[2:])
    else:
        {"make": make, "datasets": with_datasets, "scan-datasets": scan_datasets, "scan-duckdb": scan_duckdb}[command](*rest)
    print(f"{command} {time.perf_counter() - start:.2f} s, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB", file=sys.stderr)
