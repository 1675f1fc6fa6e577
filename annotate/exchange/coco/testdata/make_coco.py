"""Write a COCO file of polygons and run lengths, of objects and crowds, and print the runs of
each annotation as pycocotools has them: id, then y, x and length of each run along x."""
import json
import random
import sys

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

random.seed(3)
H, W = 61, 83


def polygon():
    n = random.randint(3, 9)
    snap = random.choice([lambda v: v, round, lambda v: round(v * 2) / 2])
    out = []
    for _ in range(n):
        out += [snap(random.uniform(-6, W + 6)), snap(random.uniform(-6, H + 6))]
    return out


annotations = []
for i in range(1, 121):
    if i % 4 == 0:
        m = np.asfortranarray(np.random.default_rng(i).random((H, W)) < random.random())
        r = coco_mask.encode(m)
        if i % 8 == 0:
            s = {"size": [H, W], "counts": r["counts"].decode()}
        else:
            flat, counts, last = m.ravel(order="F"), [], 0
            for v in flat:
                if int(v) != last:
                    counts.append(0)
                    last = int(v)
                elif not counts:
                    counts.append(0)
                counts[-1] += 1
            if flat[0]:
                counts = [0] + counts[(1 if counts[0] == 0 else 0):]
            s = {"size": [H, W], "counts": counts}
            assert sum(counts) == H * W
        annotations.append({"id": i, "image_id": 5, "category_id": 2, "iscrowd": i % 8 // 4, "segmentation": s})
    else:
        s = [polygon() for _ in range(random.choice([1, 1, 2, 3]))]
        annotations.append({"id": i, "image_id": 5, "category_id": 1, "iscrowd": 0, "segmentation": s})
document = {
    "images": [{"id": 4, "file_name": "other.png", "height": H + 1, "width": W}, {"id": 5, "file_name": "s.png", "height": H, "width": W}],
    "categories": [{"id": 1, "name": "AM"}, {"id": 2, "name": "NTM"}],
    "annotations": annotations,
}
stdout, sys.stdout = sys.stdout, sys.stderr
json.dump(document, open(sys.argv[1], "w"))
coco = COCO(sys.argv[1])
keep = []
for a in annotations:
    m = coco.annToMask(a)
    if not m.any():
        continue
    keep.append(a)
    runs = []
    for y in range(H):
        edge = np.flatnonzero(np.diff(np.concatenate([[0], m[y], [0]])))
        for x0, x1 in zip(edge[::2], edge[1::2]):
            runs.append((y, int(x0), int(x1 - x0)))
    print(a["id"], runs, file=stdout)
document["annotations"] = keep
json.dump(document, open(sys.argv[1], "w"))
