"""Write a COCO file of 1000 random masks and polygons, valid and not, with true and with wrong
claims, and print a JSON list of what pycocotools and shapely say of each: id, area, bbox (left,
top, width, height), valid and outside of polygons, which claims are wrong, and whether compressed
and uncompressed run lengths sum to the image."""
import json
import random
import sys

import numpy as np
from pycocotools import mask as coco
from shapely.geometry import Polygon, box

H, W = 61, 83
rng = np.random.default_rng(11)
random.seed(11)


def blob():
    """A random union of boxes as an array, Fortran order."""
    m = np.zeros((H, W), np.uint8)
    for _ in range(rng.integers(1, 5)):
        y, x = rng.integers(0, H - 3), rng.integers(0, W - 3)
        m[y:y + rng.integers(1, 25), x:x + rng.integers(1, 25)] = 1
    return np.asfortranarray(m)


def ring():
    """A blob, a star that may cross itself, or a few corners on a grid; some leave the image."""
    kind = random.randrange(4)
    cx, cy = random.uniform(10, W - 10), random.uniform(10, H - 10)
    n = random.randrange(3, 120 if kind < 2 else 8)
    angles = sorted(random.uniform(0, 2 * np.pi) for _ in range(n))
    if kind == 1:  # two neighbours exchanged
        k = random.randrange(n)
        angles[k], angles[k - 1] = angles[k - 1], angles[k]
    if kind < 2:
        r = random.uniform(3, 14)
        return [(round(cx + r * np.cos(a), 2), round(cy + r * random.uniform(0.5, 1) * np.sin(a), 2)) for a in angles]
    if kind == 2:
        return [(random.randrange(W), random.randrange(H)) for _ in range(n)]
    return [(random.uniform(-9, W + 9), random.uniform(-9, H + 9)) for _ in range(n)]


def counts(rle):
    flat = coco.decode(rle).ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return ([0] if flat[0] else []) + runs


annotations, truth = [], []
for i in range(1, 1001):
    said = {"id": i, "valid": True, "outside": False, "sum": True, "bbox_wrong": i % 7 == 0, "area_wrong": i % 5 == 0}
    if i % 2:
        rle = coco.encode(blob())
        segmentation = {"size": [H, W], "counts": rle["counts"].decode() if i % 4 == 1 else counts(rle)}
        if i % 4 == 3 and i % 11 == 0:
            segmentation["counts"][-1] += random.choice([-1, 1, W])
            said["sum"] = False
    else:
        xy = ring()
        rle = coco.merge(coco.frPyObjects([np.asarray(xy, float).ravel().tolist()], H, W))
        p = Polygon(xy)
        said["valid"] = p.is_valid
        said["outside"] = not box(-1, -1, W + 1, H + 1).covers(p.convex_hull)
        segmentation = [[c for corner in xy for c in corner]]
    area, bbox = int(coco.area(rle)), [float(v) for v in coco.toBbox(rle)]
    said |= {"area": area, "bbox": bbox}
    claimed_area, claimed = area, list(bbox)
    if said["bbox_wrong"]:
        claimed[random.choice([2, 3])] += 40
    if said["area_wrong"]:
        claimed_area = 3 * H * W
    annotations.append({"id": i, "image_id": 1, "category_id": 1, "area": claimed_area, "bbox": claimed, "segmentation": segmentation})
    truth.append(said)
with open(sys.argv[1], "w") as f:
    json.dump({"images": [{"id": 1, "file_name": "s.png", "height": H, "width": W}],
               "categories": [{"id": 1, "name": "AM"}], "annotations": annotations}, f)
print(json.dumps(truth))
