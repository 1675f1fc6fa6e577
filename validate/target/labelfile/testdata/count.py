"""Count what is wrong with label images: count.py MIN_AREA IMAGE...

Prints a JSON object a line, of lists by rule, with nothing but numpy, scipy and scikit-image."""

import json
import sys

import numpy as np
import tifffile
from scipy import ndimage
from skimage.measure import label, regionprops


def touching(a, offsets):
    pairs = set()
    padded = np.pad(a, 1)
    for dy, dx in offsets:
        b = padded[1 + dy : 1 + dy + a.shape[0], 1 + dx : 1 + dx + a.shape[1]]
        m = (a != b) & (a > 0) & (b > 0)
        pairs |= {tuple(sorted(p)) for p in np.unique(np.stack([a[m], b[m]], 1), axis=0).tolist()}
    return sorted(pairs)


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
    out["LB006"] = touching(a, [(0, 1), (1, 0)])
    out["corners"] = touching(a, [(0, 1), (1, 0), (1, 1), (1, -1)])
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
