"""What pycocotools, scikit-image and shapely say of masks and of our codes for them.

usage: masks.py STACK.npy OURS.json

STACK holds masks (N, Y, X) of bools; OURS lists for each its compressed counts and its
outlines, polygons of rings of [x, y] vertices, the outer ring first. Prints for each mask
what the others make of it, as JSON.
"""

import json
import sys

import numpy as np
from pycocotools import mask as coco
from shapely.geometry import Polygon
from skimage.measure import label


def describe(mask, ours):
    h, w = mask.shape
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    decoded = coco.decode({"size": [h, w], "counts": ours["counts"].encode()})
    polygons = [Polygon(rings[0], rings[1:]) for rings in ours["outlines"]]
    outside = np.pad(~mask, 1, constant_values=True)
    return {
        "counts": encoded["counts"].decode(),
        "decoded_equal": bool((decoded == mask).all()),
        "area": int(coco.area(encoded)),
        "pieces": [int(label(mask, connectivity=c).max()) for c in (1, 2)],
        "holes": [int(label(outside, connectivity=c).max()) - 1 for c in (2, 1)],
        "valid": all(p.is_valid for p in polygons),
        "polygon_area": sum(p.area for p in polygons),
    }


stack = np.load(sys.argv[1])
with open(sys.argv[2]) as f:
    json.dump([describe(mask, ours) for mask, ours in zip(stack, json.load(f), strict=True)], sys.stdout)
