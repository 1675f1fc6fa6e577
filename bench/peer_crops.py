"""The peers of loaders: random crops out of zarr, by tensorstore and by zarr-python.

usage: peer_crops.py SAMPLE.zarr FOLDER

Answers a JSON request a line, see crops.go. The volume lies in zarr stores with the chunks
that micropq gives it, compressed at zstd level 1, the nearest to what micropq writes:

    blosc   zarr v2, Blosc (zstd, byte shuffle): micropq's own filter and codec, the fair one
    zstd    zarr v2, plain zstd

Each library has two threads, no cache, and reads two crops at a time.
"""
import concurrent.futures as cf
import json
import os
import shutil
import sys
import time

import numcodecs
import numpy as np
import tensorstore as ts
import zarr

CHUNKS = (3, 64, 64, 64)
READERS = 2
# Level 1 of Blosc is level 1 of zstd (c-blosc, zstd_wrap_compress).
CODECS = {"blosc": numcodecs.Blosc("zstd", clevel=1, shuffle=numcodecs.Blosc.SHUFFLE), "zstd": numcodecs.Zstd(level=1)}


def prepare(sample, folder):
    """Copies the volume into the stores, a slab of chunks at a time."""
    source = zarr.open_array(sample + "/volumes/raw", mode="r")
    for name, codec in CODECS.items():
        store = f"{folder}-{name}.zarr"
        if os.path.exists(store):
            continue
        shutil.rmtree(store + ".part", ignore_errors=True)
        out = zarr.create_array(store + ".part", shape=source.shape, chunks=CHUNKS, dtype=source.dtype, zarr_format=2,
                                compressors=codec, filters=None, fill_value=0)
        for z in range(0, source.shape[1], CHUNKS[1]):
            out[:, z:z + CHUNKS[1]] = source[:, z:z + CHUNKS[1]]
        os.rename(store + ".part", store)


def open_tensorstore(path):
    return ts.open({
        "driver": "zarr", "kvstore": {"driver": "file", "path": path},
        "context": {"data_copy_concurrency": {"limit": READERS}, "file_io_concurrency": {"limit": READERS},
                    "cache_pool": {"total_bytes_limit": 0}},
    }, read=True).result()


def read_tensorstore(array, box):
    return array[box].read().result()


def read_zarr(array, box):
    return array[box]


def crops(read, array, size, origins):
    boxes = [(slice(None), *(slice(o, o + size) for o in origin)) for origin in origins]

    def work(k):
        for box in boxes[k::READERS]:
            last = read(array, box)
        return last

    start, cpu = time.perf_counter(), time.process_time()
    with cf.ThreadPoolExecutor(READERS) as pool:
        lasts = list(pool.map(work, range(READERS)))
    spent, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"seconds": spent, "cpu": cpu, "sum": int(lasts[(len(boxes) - 1) % READERS].astype(np.uint64).sum())}


def main(sample, folder):
    zarr.config.set({"threading.max_workers": READERS})
    readers = {}
    for line in sys.stdin:
        request = json.loads(line)
        if request == "prepare":
            prepare(sample, folder)
            for name in CODECS:
                store = f"{folder}-{name}.zarr"
                readers[f"tensorstore, {name}"] = read_tensorstore, open_tensorstore(os.path.abspath(store))
                readers[f"zarr-python, {name}"] = read_zarr, zarr.open_array(store, mode="r")
            answer = list(readers)
        else:
            answer = crops(*readers[request["reader"]], request["size"], request["origins"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
