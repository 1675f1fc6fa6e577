"""Label images with gaps in their ids.

gaps.py write FOLDER      writes them and prints a JSON list: name, whether they can be written
                          again without loss, and what describe is to say of them then
gaps.py describe PATH...  prints what tifffile and numpy say of files"""

import json
import sys
from pathlib import Path

import numpy as np
import tifffile


def describe(path, ids=None):
    if path.suffix == ".npy":
        a, texts = np.load(path), []
    else:
        with tifffile.TiffFile(path) as f:
            a, page = f.asarray(), f.pages[0]
            texts = [f.series[0].axes, page.description, page.software, page.resolution if 296 in page.tags and page.tags[296].value > 1 else None]
    present = np.unique(a).tolist() if ids is None else ids
    return [list(a.shape), str(a.dtype.newbyteorder("=")), texts, present]


def write(folder):
    rng = np.random.default_rng(5)
    flat = np.kron(rng.choice([0, 3, 4, 9, 200], (9, 13)), np.ones((5, 7), int))
    deep = np.stack([flat, flat[::-1], flat])
    files = {}

    def tiff(name, array, fixable=True, **options):
        tifffile.imwrite(folder / name, array, photometric=options.pop("photometric", "minisblack"), **options)
        files[name] = fixable

    def npy(name, array):
        np.save(folder / name, array)
        files[name] = True

    npy("u1.npy", flat.astype("u1"))
    npy("i8.npy", deep.astype("i8"))
    npy("big.npy", flat.astype(">u2"))
    tiff("u1.tif", flat.astype("u1"), compression="zlib", tile=(16, 16))
    tiff("ome.tif", deep.astype("u4"), ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}, software="a scanner",
         resolution=(20000, 20000), resolutionunit="CENTIMETER")
    tiff("pages.tif", deep.astype("u2"), compression="zlib")
    tiff("resolution.tif", flat.astype("u2"), resolution=(20000, 20000), resolutionunit="CENTIMETER", description="by hand", metadata=None)
    tiff("signed.tif", flat.astype("i2"), fixable=False)
    tiff("palette.tif", flat.astype("u1"), fixable=False, photometric="palette", colormap=rng.integers(0, 65536, (3, 256)).astype("u2"))
    tiff("copyright.tif", flat.astype("u1"), fixable=False, extratags=[(33432, 2, 0, "someone", True)])
    tiff("date.tif", flat.astype("u1"), fixable=False, datetime="2020:01:02 03:04:05")
    print(json.dumps([{"name": n, "fixable": f, "describe": describe(folder / n, [0, 1, 2, 3, 4])} for n, f in files.items()]))


if sys.argv[1] == "write":
    write(Path(sys.argv[2]))
else:
    print(json.dumps([describe(Path(p)) for p in sys.argv[2:]]))
