"""Random crops into numpy, and the time to a first batch, beside what people use today.

    loaders.py [--scale small|full] [--rounds 3] [--torch FOLDER] [crops] [first]

crops: 128x128x128 voxels of all three channels, uint16, from one generated volume; the same boxes for all, in
batches of two. micropq.stream reads its data set; tensorstore and zarr-python read zarr v2 with chunks of the
same extent and codec (Blosc, zstd level 1, byte shuffle), in two worker processes of PyTorch's DataLoader. Where
there is no torch the workers hand crops over in shared memory, as DataLoader does. --torch names a folder with
torch in it, such as /usr/lib/python3/dist-packages, for an interpreter that has none of its own.

first: from the start of micropq.stream to its first batch, and from a state in the middle of an epoch, of a data
set of 1,025 shards; page cache warm, and cold, which is to say that the shards' pages are dropped from it.

Contestants run alternately, a process each; medians count. Peak memory is the proportional set size (PSS) of
all processes of a contestant together, Python among them. Everything lies below build/bench.
"""
import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "bench")]
os.environ.setdefault("MICROPQ_BINARY", str(ROOT / "bin/micropq"))

SIZE, BATCH, WORKERS = 128, 2, 2
SHAPES = {"small": "3,160,256,256", "full": "3,390,1058,907"}
CROPS = {"small": 16, "full": 96}


def generate(name, **options):
    """A generated release, made once."""
    folder = ROOT / "build/bench" / name
    if not folder.exists():
        part = folder.with_name(folder.name + ".part")
        flags = [f for k, v in options.items() for f in ("-" + k, str(v))]
        subprocess.run(["go", "run", "./testdata/gen", "fisbe", "-o", part, *flags], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        part.rename(folder)
    return folder


def convert(source, name, *flags):
    out = ROOT / "build/bench" / name
    if not (out / "manifest.json").exists():
        subprocess.run([os.environ["MICROPQ_BINARY"], "convert", "fisbe", source, out, "--progress", "none", *flags], check=True, stdout=subprocess.DEVNULL)
    return out


# Contestants: generators of batches, (N, C, Z, Y, X) in numpy.


def with_micropq(data, count, memory="1GiB"):
    import micropq

    with micropq.stream(data["dataset"], size=[SIZE] * 3, batch=BATCH, count=count, seed=1, memory=memory, jobs=WORKERS) as batches:
        yield from (b["raw"] for b in batches)


def open_zarr(path, cache):
    import zarr

    zarr.config.set({"threading.max_workers": 1})
    array = zarr.open_array(path, mode="r")
    return lambda box: array[box]


def open_tensorstore(path, cache):
    import tensorstore as ts

    array = ts.open({
        "driver": "zarr", "kvstore": {"driver": "file", "path": path},
        "context": {"data_copy_concurrency": {"limit": 1}, "file_io_concurrency": {"limit": 1}, "cache_pool": {"total_bytes_limit": cache}},
    }, read=True).result()
    return lambda box: array[box].read().result()


class Crops:
    """A map-style data set of crops, opened in the process that reads it."""

    def __init__(self, opener, path, origins, cache):
        self.opener, self.path, self.origins, self.cache, self.read = opener, path, origins, cache, None

    def __len__(self):
        return len(self.origins)

    def __getitem__(self, i):
        self.read = self.read or self.opener(self.path, self.cache)
        return self.read((slice(None), *(slice(o, o + SIZE) for o in self.origins[i])))


def with_workers(opener, cache=0):
    def batches(data, count):
        crops = Crops(opener, data["zarr"], data["origins"][:count], cache)
        yield from (torch_batches if data["torch"] is not None else shared_batches)(crops, data)

    return batches


class AsTensors:
    """Crops as tensors over the same memory; this torch may not know this numpy."""

    def __init__(self, crops):
        self.crops = crops

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, i):
        import numpy as np
        import torch

        crop = np.ascontiguousarray(self.crops[i])
        return torch.frombuffer(crop.view(np.int16), dtype=torch.int16).reshape(crop.shape)


def torch_batches(crops, data):
    import numpy as np
    import torch.utils.data

    for batch in torch.utils.data.DataLoader(AsTensors(crops), batch_size=BATCH, num_workers=WORKERS):
        yield np.from_dlpack(batch).view(np.uint16)


def shared_worker(crops, buffer, shape, tasks, done):
    import numpy as np

    slots = np.frombuffer(buffer, np.uint16).reshape(shape)
    for slot, step in iter(tasks.get, None):
        for k in range(BATCH):
            slots[slot, k] = crops[step * BATCH + k]
        done.put((slot, step))


def shared_batches(crops, _):
    """Two batches a worker are read ahead, in order, as DataLoader does."""
    import multiprocessing as mp

    import numpy as np

    context = mp.get_context("fork")
    steps, slots = len(crops) // BATCH, 2 * WORKERS
    shape = (slots, BATCH, 3, SIZE, SIZE, SIZE)
    buffer = context.RawArray("B", int(np.prod(shape)) * 2)
    tasks, done = [context.SimpleQueue() for _ in range(WORKERS)], context.SimpleQueue()
    workers = [context.Process(target=shared_worker, args=(crops, buffer, shape, q, done), daemon=True) for q in tasks]
    for w in workers:
        w.start()
    ready, views = {}, np.frombuffer(buffer, np.uint16).reshape(shape)
    for step in range(min(slots, steps)):
        tasks[step % WORKERS].put((step, step))
    for step in range(steps):
        while step not in ready:
            slot, finished = done.get()
            ready[finished] = slot
        slot = ready.pop(step)
        yield views[slot]
        if step + slots < steps:
            tasks[(step + slots) % WORKERS].put((slot, step + slots))
    for q, w in zip(tasks, workers):
        q.put(None)
        w.join()


CONTESTANTS = {
    "micropq.stream": with_micropq,
    "micropq.stream, --memory 256MiB": lambda data, count: with_micropq(data, count, "256MiB"),
    "tensorstore, 2 workers": with_workers(open_tensorstore),
    "tensorstore, 2 workers, 384 MiB cache each": with_workers(open_tensorstore, 384 << 20),
    "zarr-python, 2 workers": with_workers(open_zarr),
}


def contest(name, count, check):
    """Runs in a process of its own: seconds from the first call to the last batch, and to the first; a sum
    over all voxels only where it is checked."""
    import numpy as np

    data = json.loads((ROOT / "build/bench/loaders.json").read_text())
    ours, torch = name.startswith("micropq"), data["torch"]
    if torch is not None and not ours:
        sys.path.append(torch)
    for module in ["micropq"] if ours else [name.split(",")[0].replace("-python", ""), *(["torch.utils.data"] if torch is not None else [])]:
        importlib.import_module(module)  # what a training program has done before it asks for data
    start, first, total, seen = time.perf_counter(), None, 0, 0
    for batch in CONTESTANTS[name](data, count):
        first = first or time.perf_counter() - start
        seen += len(batch)
        if check:
            total += int(np.asarray(batch).sum(dtype=np.uint64))
    print(json.dumps({"seconds": time.perf_counter() - start, "first": first, "crops": seen, "sum": total}))


def peak_pss(root, stop, out):
    """Samples the memory of a process and what it started."""
    most = 0
    while not stop.wait(0.05):
        children, todo, total = {}, [root], 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                children.setdefault(int(stat.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(stat.parent.name))
            except OSError:
                continue
        while todo:
            pid = todo.pop()
            todo += children.get(pid, [])
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) << 10
            except (OSError, StopIteration):
                continue
        most = max(most, total)
    out.append(most)


def run(name, count, check):
    child = subprocess.Popen([sys.executable, "-W", "ignore", __file__, "--contest", name, str(count), str(int(check))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    stop, peak = threading.Event(), []
    watch = threading.Thread(target=peak_pss, args=(child.pid, stop, peak))
    watch.start()
    out, errors = child.communicate()
    stop.set()
    watch.join()
    if child.returncode:
        raise SystemExit(f"{name}: {errors}")
    return {**json.loads(out), "peak": peak[0]}


def crops(scale, rounds, torch):
    import micropq
    import peer_crops

    source = generate(f"{scale}-source-blosc-zstd-shuffle", samples=1, shape=SHAPES[scale], neurons=8, compressor="blosc:zstd:shuffle", seed=1)
    sample = next(source.glob("completely/*/*.zarr"))
    dataset = convert(sample, f"{scale}-loaders")
    store = ROOT / f"build/bench/{scale}-crops"
    peer_crops.prepare(str(sample), str(store))
    count = CROPS[scale]
    with micropq.stream(dataset, size=[SIZE] * 3, batch=BATCH, count=count, seed=1) as batches:
        origins = [[int(v) for v in o] for b in batches for o in b["origin"]]
    (ROOT / "build/bench/loaders.json").write_text(json.dumps({"dataset": str(dataset), "zarr": f"{store}-blosc.zarr", "origins": origins, "torch": torch}))
    values = {name: [] for name in CONTESTANTS}
    for r in range(rounds + 1):  # the first is to compare, and to warm the page cache
        answers = {name: run(name, count, r == 0) for name in CONTESTANTS}
        if r == 0 and len({(a["sum"], a["crops"]) for a in answers.values()}) != 1:
            raise SystemExit(f"crops differ: {answers}")
        for name, a in answers.items():
            if r:
                values[name].append(a)
    size = 3 * SIZE**3 * 2
    print(f"\nRandom crops of 3x{SIZE}x{SIZE}x{SIZE} uint16 from {SHAPES[scale]}, {count} in batches of {BATCH}, {rounds} rounds, page cache warm; "
          f"{'DataLoader of torch' if torch is not None else 'workers with shared memory'}\n")
    print("| | crops/s | MB/s | times as long | first batch, s | peak memory, MiB |\n|---|---|---|---|---|---|")
    ours = statistics.median(a["seconds"] for a in values["micropq.stream"])
    for name, answers in values.items():
        seconds, first, peak = (statistics.median(a[k] for a in answers) for k in ("seconds", "first", "peak"))
        print(f"| {name} | {count / seconds:.1f} | {count * size / seconds / 1e6:.0f} | {seconds / ours:.2f} | {first:.2f} | {peak / 2**20:.0f} |", flush=True)


def forget(folder):
    """Drops the pages of files from the page cache."""
    for path in Path(folder).rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def first_batch(rounds):
    import micropq

    source = generate("shards-source", samples=6, shape="3,128,256,256", neurons=6, labels="ids", compressor="blosc:lz4:shuffle", seed=2)
    dataset = convert(source, "shards", "--shard-size", "170KiB", "--chunk", "32")
    shards = len(json.loads((dataset / "manifest.json").read_text())["shards"])
    options = dict(arrays=["raw", "gt_instances"], size=(32, 64, 64), batch=4, count=4000, seed=3, foreground=0.5)

    def timed(state):
        start = time.perf_counter()
        with micropq.stream(dataset, state=state, **options) as batches:
            batch = next(batches)
            spent = time.perf_counter() - start
            return spent, batch

    _, batch = timed(None)
    middle = {**batch.state, "position": 2000}
    print(f"\nTo the first batch of {shards} shards: image and merged labels of 4 boxes, half of them centred on neurons; {rounds} rounds\n")
    print("| page cache | from the start, s | from a state, s |\n|---|---|---|")
    for cache in ("warm", "cold"):
        spent = {"start": [], "state": []}
        for _ in range(rounds):
            for what, state, want in (("start", None, 0), ("state", middle, 2000)):
                if cache == "cold":
                    forget(dataset)
                seconds, batch = timed(state)
                if batch["position"][0] != want:
                    raise SystemExit(f"the batch begins at {batch['position'][0]}, not {want}")
                spent[what].append(seconds)
        print(f"| {cache} | {statistics.median(spent['start']):.2f} | {statistics.median(spent['state']):.2f} |", flush=True)


def main():
    if sys.argv[1:2] == ["--contest"]:
        return contest(sys.argv[2], int(sys.argv[3]), sys.argv[4] == "1")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=["crops", "first"])
    parser.add_argument("--scale", choices=SHAPES, default="full")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch")
    args = parser.parse_args()
    if args.torch is None:
        try:
            import torch

            args.torch = os.path.dirname(os.path.dirname(torch.__file__))
        except ImportError:
            pass
    (ROOT / "build/bench").mkdir(parents=True, exist_ok=True)
    if "crops" in args.sections:
        crops(args.scale, args.rounds, args.torch)
    if "first" in args.sections:
        first_batch(args.rounds)


if __name__ == "__main__":
    main()
