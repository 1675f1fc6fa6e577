"""Blosc frames in a container file: for each, the label, the plain bytes and the frame,
each preceded by its length as a little-endian uint32.

    frames.py write FILE SEED COUNT MAX   write COUNT random frames of less than MAX plain bytes
                                          with numcodecs (snappy with imagecodecs, where present)
    frames.py check FILE                  decode every frame and compare; print the count

testdata/frames.bin is `frames.py write testdata/frames.bin 7 80 4000`; numcodecs uses threads,
so that blocks may come in another order each time.
"""

import random
import struct
import sys

import numpy as np
from numcodecs import blosc

try:
    import imagecodecs
except ImportError:
    imagecodecs = None

TYPE_SIZES = [1, 2, 3, 4, 8, 12, 16]
LEVELS = [0, 1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9]
CODECS = ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]


def plain(rng, seed, most):
    """Less than most bytes of random length and compressibility, and a type size."""
    size = rng.choice(TYPE_SIZES) if rng.random() < 0.75 else rng.randint(1, 255)
    length = int(most ** rng.uniform(0 if rng.random() < 0.15 else 0.6, 1)) - 1
    if rng.random() < 0.3:
        length -= length % size
    if rng.random() < 0.2:
        length -= length % (8 * size)
    g = np.random.default_rng(seed)
    kind = rng.choice([0, 1, 2, 2, 3, 3, 3, 4, 4])
    if kind == 0:
        data = g.integers(0, 256, length, dtype=np.uint8)
    elif kind == 1:
        data = np.zeros(length, np.uint8)
        data[: length // 50] = 1
    elif kind == 2:
        data = g.integers(0, rng.choice([2, 4, 16, 64]), length, dtype=np.uint8)
    elif kind == 3:
        walk = np.cumsum(g.integers(-3, 4, length // 2 + 1)) + 30000
        data = walk.astype("<u2").view(np.uint8)[:length]
    else:
        period = g.integers(0, 256, rng.choice([5, 300, 8192, 9000, 20000]), dtype=np.uint8)
        data = np.resize(period, length) if length else period[:0]
        data = np.where(g.random(length) < 0.001, 7, data).astype(np.uint8)
    return data.tobytes(), size


def compress(data, size, codec, level, shuffle, block):
    if codec == "snappy":
        whole = data[: len(data) - len(data) % size]
        array = np.frombuffer(whole, f"V{size}")
        return whole, bytes(imagecodecs.blosc_encode(
            array, level, compressor=codec, shuffle=shuffle, blocksize=block))
    try:
        return data, blosc.compress(data, codec.encode(), level, shuffle, block, size)
    except TypeError:  # before 0.16 the type size is that of the array
        whole = data[: len(data) - len(data) % size]
        array = np.frombuffer(whole, f"V{size}")
        return whole, blosc.compress(array, codec.encode(), level, shuffle, block)


def write(path, seed, count, most):
    rng = random.Random(seed)
    codecs = CODECS + (["snappy"] if imagecodecs else [])
    with open(path, "wb") as out:
        for i in range(count):
            data, size = plain(rng, seed + i, most)
            codec, level, shuffle = rng.choice(codecs), rng.choice(LEVELS), rng.randrange(3)
            if level == 9 and codec == "zstd" and len(data) > 100_000:
                level = 5  # its highest level takes seconds on large inputs
            block = rng.choice([0, 0, 0, 1, 200, 1000, 4096, 10007, 65536, 300000])
            data, frame = compress(data, size, codec, level, shuffle, block)
            label = f"{i}: {codec} level {level} shuffle {shuffle} type {size} block {block} length {len(data)}"
            for part in (label.encode(), data, frame):
                out.write(struct.pack("<I", len(part)) + part)


def parts(path):
    with open(path, "rb") as file:
        while head := file.read(4):
            yield file.read(struct.unpack("<I", head)[0])


def decompress(frame):
    size = struct.unpack_from("<I", frame, 4)[0]
    if size == 0:
        return b""  # numcodecs raises on the empty frames that it writes
    if frame[2] >> 5 == 2 and not frame[2] & 2:
        return imagecodecs.blosc_decode(frame)
    return blosc.decompress(frame)


def check(path):
    items, count = parts(path), 0
    for label, data, frame in zip(items, items, items):
        if bytes(decompress(frame)) != data:
            sys.exit(f"{label.decode()}: decodes to other bytes")
        count += 1
    print(count)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        check(sys.argv[2])
