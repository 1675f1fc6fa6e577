"""Open FISBe samples with zarr-python, 2 or 3, and describe what it finds as JSON.

usage: describe.py STORE...   a .zarr folder, or a zip that holds one
"""
import hashlib
import json
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import zarr


def folder(path):
    """The .zarr folder at path, unpacked first if path is a zip."""
    if not path.endswith(".zip"):
        return path
    unpacked = tempfile.mkdtemp()
    with zipfile.ZipFile(path) as archive:
        archive.extractall(unpacked)
    return str(next(Path(unpacked).glob("**/*.zarr")))


def describe(array):
    data = np.ascontiguousarray(array[:])
    flat = data.tobytes()
    return {
        "shape": list(data.shape),
        "dtype": data.dtype.str,
        "sha256": hashlib.sha256(flat).hexdigest(),
        "deflate_ratio": len(flat) / len(zlib.compress(flat, 1)),
        "min": int(data.min()),
        "max": int(data.max()),
        "ids": [sorted(set(np.unique(c).tolist()) - {0}) for c in data] if data.shape[0] < 64 and data.max() < 256 else [],
        "overlap": int(((data != 0).sum(axis=0) > 1).sum()),
        "attributes": dict(array.attrs),
    }


def attempt(array):
    try:
        return describe(array)
    except Exception as error:  # what a damaged chunk raises differs from codec to codec
        return {"error": f"{type(error).__name__}: {error}"}


answer = []
for path in sys.argv[1:]:
    sample = {}
    for name in ("raw", "gt_instances"):
        try:
            array = zarr.open(folder(path), mode="r")["volumes/" + name]
        except Exception as error:
            sample[name] = {"error": f"{type(error).__name__}: {error}"}
            continue
        sample[name] = attempt(array)
    answer.append(sample)
json.dump(answer, sys.stdout)
