"""Count what is wrong with label images: count.py MIN_AREA IMAGE...

Prints a JSON object a line, of lists by rule, with nothing but numpy, scipy and scikit-image."""

import json
import sys

import numpy as np
import tifffile
from scipy import ndimage
from skimage.measure import label, regionprops


def touching(a, dy, dx):
    """Pairs of ids of which one has an element (dy, dx) from one of the other."""
    h, w = a.shape
    one, other = a[: h - dy, max(0, -dx) : w - max(0, dx)], a[dy:, max(0, dx) : w + min(0, dx)]
    m = (one != other) & (one > 0) & (other > 0)
    return {tuple(sorted(p)) for p in np.stack([one[m], other[m]], 1).tolist()}


def count(path, min_area):
    a = tifffile.imread(path) if path.endswith(("tif", "tiff")) else np.load(path)
    if a.dtype.itemsize == 4:
        a = a.astype(np.int64)
    regions = regionprops(a)
    out = {"instances": len(regions), "LB003": [[r.label, int(r.area)] for r in regions if r.area < min_area], "LB004": [], "LB005": []}
    for r in regions:
        mask = np.pad(r.image, 1)
        pieces = label(mask, connectivity=2)
        if pieces.max() > 1:
            out["LB004"].append([r.label, sorted(np.bincount(pieces.ravel())[1:].tolist(), reverse=True)])
        filled = ndimage.binary_fill_holes(mask) & ~mask
        holes = label(filled, connectivity=1)
        if holes.max() > 0:
            out["LB005"].append([r.label, sorted(np.bincount(holes.ravel())[1:].tolist(), reverse=True)])
    sides = touching(a, 0, 1) | touching(a, 1, 0)
    out["LB006"] = sorted(sides)
    out["corners"] = sorted(sides | touching(a, 1, 1) | touching(a, 1, -1))
    ids = [r.label for r in regions]
    out["LB002"] = max(ids) - len(ids)
    logs = np.log([r.area for r in regions])
    off = logs - np.median(logs)
    z = 0.6745 * off / max(0.1, np.median(abs(off)))
    cut = [r.bbox[0] == 0 or r.bbox[1] == 0 or r.bbox[2] == a.shape[0] or r.bbox[3] == a.shape[1] for r in regions]
    out["LB013"] = [i for i, v, c in zip(ids, z, cut) if abs(v) > 5 and not (c and v < 0)] if len(ids) >= 30 else []
    return out


for path in sys.argv[2:]:
    print(json.dumps(count(path, int(sys.argv[1]))))
