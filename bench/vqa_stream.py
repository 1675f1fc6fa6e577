"""Whole items into training code: micropq beside Hugging Face datasets, MosaicML Streaming, WebDataset and LitData.

    vqa_stream.py make DATASET OUT               the same items in the formats of the peers
    vqa_stream.py one NAME WORKERS DATASET OUT [decode]   one contestant, one pass
    vqa_stream.py all DATASET OUT [ROUNDS]       all of them by turns; the fastest median of 0 and 2 workers counts

DATASET is what `bench/vqa.py make` and `micropq convert ubench` gave. An item is an image with its question of one type;
decoded it is 224 x 224 RGB. datasets reads the same Parquet and joins the questions, which it holds in memory. Every
contestant reads from the page cache in the order stored, micropq also shuffled, and gives the same bytes, which is
checked. It needs `pip install pyarrow pillow mosaicml-streaming webdataset litdata datasets`; what is missing is
left out and named. The program is MICROPQ_BINARY, or bin/micropq.
"""

import collections
import glob
import hashlib
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "python"))
os.environ.setdefault("MICROPQ_BINARY", os.path.join(ROOT, "bin", "micropq"))
os.environ["HF_HUB_OFFLINE"] = "1"
TYPE, SIDE, BATCH = "classification", 224, 32
PEERS = ("datasets", "mosaicml", "webdataset", "litdata")


def questions(dataset):
    """The questions of the type by sample."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    chosen = (pc.field("kind") == "question") & (pc.field("type") == TYPE)
    t = ds.dataset(dataset + "/questions").to_table(columns=["sample_id", "question", "options", "answer_index"], filter=chosen)
    return {q.pop("sample_id"): q for q in t.to_pylist()}


def items(dataset):
    """Images with their questions, in the order of the samples."""
    import pyarrow.parquet as pq

    asked = questions(dataset)
    for path in sorted(glob.glob(dataset + "/samples/*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(100, columns=["sample_id", "image"]):
            for row in batch.to_pylist():
                if row["sample_id"] in asked:
                    yield {"image": row["image"]["bytes"], **asked[row["sample_id"]]}


def litdata_item(item):  # litdata starts processes that look it up
    return {"image": item["image"], "text": json.dumps({k: v for k, v in item.items() if k != "image"})}


def make(dataset, out):
    os.makedirs(out, exist_ok=True)
    try:
        from streaming import MDSWriter

        with MDSWriter(out=out + "/mosaicml", columns={"image": "bytes", "text": "json"}) as w:
            for item in items(dataset):
                w.write({"image": item.pop("image"), "text": item})
    except ImportError as e:
        print("no mosaicml:", e)
    try:
        import webdataset

        os.makedirs(out + "/webdataset", exist_ok=True)
        with webdataset.ShardWriter(out + "/webdataset/%05d.tar", maxsize=256 << 20, verbose=0) as w:
            for i, item in enumerate(items(dataset)):
                w.write({"__key__": f"{i:08d}", "img": item.pop("image"), "json": item})
    except ImportError as e:
        print("no webdataset:", e)
    try:
        import litdata

        litdata.optimize(fn=litdata_item, inputs=list(items(dataset)), output_dir=out + "/litdata", chunk_bytes="64MB", num_workers=1)
    except ImportError as e:
        print("no litdata:", e)


def pixels(encoded):
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


class Peer:
    """Items of a peer: what its format gives, as (image, question)."""

    def __init__(self, name, dataset, out, decode):
        self.name, self.dataset, self.out, self.decode = name, dataset, out, decode

    def finish(self, image, question):
        return {"image": pixels(image) if self.decode else image, "question": question}

    def data(self):
        if self.name == "datasets":
            import datasets

            asked = questions(self.dataset)
            d = datasets.load_dataset("parquet", data_files=sorted(glob.glob(self.dataset + "/samples/*.parquet")), split="train",
                                      streaming=True, columns=["sample_id", "image"]).cast_column("image", datasets.Image(decode=False))
            return d.filter(lambda id: id in asked, input_columns="sample_id").map(
                lambda r: self.finish(r["image"]["bytes"], asked[r["sample_id"]]), remove_columns=["sample_id"])
        if self.name == "mosaicml":
            import streaming

            peer = self

            class Items(streaming.StreamingDataset):
                def __getitem__(self, i):
                    r = super().__getitem__(i)
                    return peer.finish(r["image"], r["text"])

            return Items(local=self.out + "/mosaicml", shuffle=False, batch_size=BATCH)
        if self.name == "webdataset":
            import webdataset

            urls = sorted(glob.glob(self.out + "/webdataset/*.tar"))
            return webdataset.WebDataset(urls, shardshuffle=False, workersplitter=webdataset.split_by_worker, empty_check=False).map(
                lambda r: self.finish(r["img"], json.loads(r["json"])))
        import litdata

        class Items(litdata.StreamingDataset):
            def __getitem__(inner, i):
                r = super().__getitem__(i)
                return self.finish(r["image"], json.loads(r["text"]))

        return Items(input_dir=self.out + "/litdata", shuffle=False)

    def batches(self, workers):
        if self.name == "litdata":
            import litdata

            loader = litdata.StreamingDataLoader
        else:
            from torch.utils.data import DataLoader as loader
        for batch in loader(self.data(), batch_size=BATCH, num_workers=workers, collate_fn=list):
            yield [r["image"] for r in batch]


def micropq_batches(dataset, decode, shuffle):
    import micropq

    options = {"decode": (SIDE, SIDE)} if decode else {}
    options |= {"shuffle": "global", "seed": 1} if shuffle else {}
    with micropq.stream(dataset, kind="items", question_kind="question", type=TYPE, batch=BATCH, **options) as batches:
        for b in batches:
            yield b["image"]


def processors():
    """Seconds of processors so far, of this process and of those that it has waited for."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def one(name, workers, dataset, out, decode=None):
    """Prints items, seconds, those of processors, and a digest of what came, whatever its order. What is imported does
    not count.
    """
    import PIL.Image
    import pyarrow.dataset

    if name.startswith("micropq"):
        import micropq
    else:
        import torch.utils.data

        __import__({"mosaicml": "streaming"}.get(name, name))
    if name.startswith("micropq"):
        batches = micropq_batches(dataset, decode, name.endswith("shuffled"))
    else:
        batches = Peer(name, dataset, out, decode).batches(int(workers))
    n, before, start, first, digest = 0, processors(), time.perf_counter(), None, 0
    kept = []
    for images in batches:
        first = first or time.perf_counter() - start
        n += len(images)
        for image in images:
            kept.append((len(image), bytes(image[:64]))) if not decode else kept.append(image.shape)
    seconds, cpu = time.perf_counter() - start, processors() - before
    for k in kept:
        digest = (digest + int.from_bytes(hashlib.sha256(repr(k).encode()).digest()[:8], "big")) % 2**64
    print(json.dumps({"items": n, "seconds": seconds, "cpu": cpu, "first": first, "digest": f"{digest:016x}"}))


def every(dataset, out, rounds=3):
    times, said = collections.defaultdict(list), {}
    contestants = [("micropq", 0), ("micropq shuffled", 0)] + [(p, w) for p in PEERS for w in (0, 2)]
    for decode in ([], ["decode"]):
        for _ in range(int(rounds)):
            for name, workers in contestants:
                with tempfile.TemporaryDirectory() as cache:
                    env = {**os.environ, "HF_DATASETS_CACHE": cache, "HF_HOME": cache}
                    r = subprocess.run([sys.executable, __file__, "one", name, str(workers), dataset, out, *decode], capture_output=True, text=True, env=env)
                if r.returncode != 0:
                    said[name] = r.stderr.strip().splitlines()[-1:]
                    continue
                answer = json.loads(r.stdout.strip().splitlines()[-1])
                said.setdefault(("items", *decode), (answer["items"], answer["digest"]))
                if said["items", *decode] != (answer["items"], answer["digest"]):
                    said[name] = f"gives {answer['items']} items {answer['digest']}, the first gave {said['items', *decode]}"
                    continue
                times[name, workers, *decode].append((answer["seconds"], answer["first"], answer["items"], answer["cpu"]))
    for decode in ((), ("decode",)):
        print("decoded to 224 x 224:" if decode else "encoded:")
        for name in ["micropq", "micropq shuffled", *PEERS]:
            ways = [(statistics.median(r[0] for r in t), w, t) for w in (0, 2) if (t := times.get((name, w, *decode)))]
            if not ways:
                print(f"  {name:18} {said.get(name, 'did not run')}")
                continue
            median, workers, t = min(ways)
            rates = " ".join(f"{r[2] / r[0]:.0f}" for r in t)
            print(f"  {name:18} {t[0][2] / median:8.0f} items/s ({rates}), {1000 * statistics.median(r[3] / r[2] for r in t):.2f} ms CPU an item, "
                  f"first batch after {statistics.median(r[1] for r in t):.2f} s" + ("" if name.startswith("micropq") else f", {workers} workers"))


if __name__ == "__main__":
    command, rest = sys.argv[1], sys.argv[2:]
    if command == "make" and os.path.exists(rest[1]):
        shutil.rmtree(rest[1])
    {"make": make, "one": one, "all": every}[command](*rest)
