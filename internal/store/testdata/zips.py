"""Writes zip archives of several kinds with Python's zipfile into a folder, and prints what
is in each: {archive: {entry: [size, crc32]}}."""

import io
import json
import pathlib
import random
import sys
import zipfile
import zlib

out = pathlib.Path(sys.argv[1])
rng = random.Random(1)
contents = {
    "a/empty": b"",
    "a/text": b"the quick brown fox " * 5000,
    "a/noise": rng.randbytes(70_000),
    "zeros": bytes(300_000),
    "with space/ünï": b"name in UTF-8",
}


class Pipe(io.RawIOBase):
    """A stream that cannot seek: sizes follow the data, in data descriptors."""

    def __init__(self, path):
        self.f = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.f.write(data)

    def close(self):
        self.f.close()


def fill(archive, method, zip64=False):
    archive.mkdir("a")
    for name, data in contents.items():
        info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
        info.compress_type = method
        with archive.open(info, "w", force_zip64=zip64) as f:
            f.write(data)


for name, method, zip64 in [
    ("stored.zip", zipfile.ZIP_STORED, False),
    ("deflated.zip", zipfile.ZIP_DEFLATED, False),
    ("zip64-stored.zip", zipfile.ZIP_STORED, True),
    ("zip64-deflated.zip", zipfile.ZIP_DEFLATED, True),
]:
    with zipfile.ZipFile(out / name, "w") as archive:
        fill(archive, method, zip64)

with zipfile.ZipFile(Pipe(out / "streamed.zip"), "w") as archive:
    fill(archive, zipfile.ZIP_DEFLATED)

with zipfile.ZipFile(out / "commented.zip", "w") as archive:
    fill(archive, zipfile.ZIP_DEFLATED)
    archive.comment = b"x" * 65535

# As a self-extracting archive: the offsets count from where the archive begins.
stored = (out / "stored.zip").read_bytes()
(out / "prefixed.zip").write_bytes(b"#!/bin/sh\nexit 0\n" + stored)

# More entries than 16 bits count: the end record becomes one of zip64.
with zipfile.ZipFile(out / "many.zip", "w") as archive:
    for i in range(66_000):
        archive.writestr(zipfile.ZipInfo(f"chunk/{i}"), b"%d" % i)

answer = {}
for path in sorted(out.glob("*.zip")):
    with zipfile.ZipFile(path) as archive:
        answer[path.name] = {
            i.filename: [i.file_size, zlib.crc32(archive.read(i))]
            for i in archive.infolist()
            if not i.is_dir()
        }
print(json.dumps(answer))
