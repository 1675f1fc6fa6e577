"""The peer of chunkcodec: numcodecs on one thread. Answers a JSON request a line, see codec.go.

Level n of Blosc below 9 is level 2n-1 of zstd (c-blosc, zstd_wrap_compress).
"""
import json
import sys
import time

import numcodecs
import numpy as np

SHUFFLE = numcodecs.Blosc.SHUFFLE
CODECS = {
    "numcodecs Blosc zstd 1, shuffle": numcodecs.Blosc("zstd", clevel=1, shuffle=SHUFFLE),
    "numcodecs Blosc zstd 3, shuffle": numcodecs.Blosc("zstd", clevel=2, shuffle=SHUFFLE),
}


def rate(limit, size, f, items):
    start, total = time.perf_counter(), 0
    while time.perf_counter() - start < limit:
        for item in items:
            f(item)
        total += size
    return total / (time.perf_counter() - start)


def measure(codec, file, size, limit):
    data = np.fromfile(file, np.uint16)
    chunks = np.split(data, len(data) * 2 // size)
    packed = [codec.encode(c) for c in chunks]
    back = np.empty_like(chunks[0])
    return {
        "encode": rate(limit, data.nbytes, codec.encode, chunks),
        "decode": rate(limit, data.nbytes, lambda p: codec.decode(p, out=back), packed),
        "ratio": sum(map(len, packed)) / data.nbytes,
    }


def main():
    numcodecs.blosc.set_nthreads(1)
    for line in sys.stdin:
        request = json.loads(line)
        if request == "list":
            answer = list(CODECS)
        else:
            answer = measure(CODECS[request["codec"]], request["file"], request["size"], request["seconds"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
