"""Streams a data set and reads it with the pyarrow reader, and compares both with the zarr it was made from.

usage: check.py BINARY DATASET RELEASE
"""
import glob
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
os.environ["MICROPQ_BINARY"] = sys.argv[1]

import numpy as np
import zarr

import micropq

dataset, release = sys.argv[2:]
raw, labels = {}, {}
for path in glob.glob(release + "/*/*/*.zarr"):
    group = zarr.open_group(path, mode="r")
    name = os.path.basename(path)[: -len(".zarr")]
    raw[name] = group["volumes/raw"][:]
    gt = group["volumes/gt_instances"][:]
    labels[name] = gt.max(axis=0).astype(np.int32)  # ids differ by channel: the highest wins


def sliced(array, origin, size):
    """The box, filled with 0 where it leaves the array."""
    out = np.zeros((*array.shape[:-3], *size), array.dtype)
    z, y, x = origin
    part = array[..., z : z + size[0], y : y + size[1], x : x + size[2]]
    out[..., : part.shape[-3], : part.shape[-2], : part.shape[-1]] = part
    return out


items = 0
cases = [("crops", (8, 9, 10)), ("crops", (1, 1, 1)), ("crops", (40, 40, 40)), ("tiles", (16, 20, 20))]
for kind, size in cases:
    options = {"seed": 1, "count": 60, "foreground": 0.5} if kind == "crops" else {"overlap": (2, 0, 4), "shuffle": "global", "seed": 3}
    with micropq.stream(dataset, arrays=["raw", "gt_instances"], size=size, batch=7, kind=kind, **options) as batches:
        for batch in batches:
            for i, (name, origin) in enumerate(zip(batch["sample_id"], batch["origin"])):
                assert np.array_equal(batch["raw"][i], sliced(raw[name], origin, size)), (kind, size, name, origin)
                assert np.array_equal(batch["gt_instances"][i], sliced(labels[name], origin, size)), (kind, size, name, origin)
                if batch["instance"][i]:
                    assert (batch["gt_instances"][i] != 0).any(), (kind, size, name, origin)
                items += 1

# Transforms: as they are defined, from what came without them.
for size in ((8, 9, 9), (40, 40, 40)):
    options = dict(arrays=["raw", "gt_instances"], size=size, batch=7, seed=1, count=30, foreground=0.5)
    plain = micropq.stream(dataset, **options)
    turned = micropq.stream(dataset, **options, range=(0, 1500), flip="ZX", rotate=True)
    masks = micropq.stream(dataset, **options, instances=2)
    for before, after, masked in zip(plain, turned, masks, strict=True):
        for i, (turns, flips) in enumerate(zip(after["turns"], after["flips"])):
            turn = lambda v: np.flip(np.rot90(v, turns, axes=(-2, -1)), ["ZYX".index(f) - 3 for f in flips])
            assert np.array_equal(after["raw"][i], turn((np.clip(before["raw"][i], 0, 1500) / 1500).astype(np.float32)))
            assert np.array_equal(after["gt_instances"][i], turn(before["gt_instances"][i]))
            ids = masked["gt_instances_ids"][i]
            for id, mask in zip(ids, masked["gt_instances"][i]):
                # Merged labels lack what a higher id covers.
                merged = before["gt_instances"][i]
                assert (mask[merged == id] == 1).all() if id else not mask.any()
                assert (merged[mask == 1] >= id).all()
            items += 1

# The same order from a saved state on, in two ranks.
options = dict(size=(8, 8, 8), batch=2, count=20, seed=5)
whole = [p for b in micropq.stream(dataset, **options) for p in b["position"]]
head, first = [], micropq.stream(dataset, **options)
for _ in range(3):
    head += list((last := next(first))["position"])
first.close()
ranks = [[list(b["position"]) for b in micropq.stream(dataset, state=last.state, rank=r, world=2, **options)] for r in range(2)]
tail = [p for step in range(len(ranks[0])) for r in range(2) if step < len(ranks[r]) for p in ranks[r][step]]
assert head + tail == whole == list(range(20)), (head, tail, whole)

try:
    next(micropq.stream(dataset, size=(8, 8, 8)))
    raise SystemExit("crops without a seed were drawn")
except micropq.StreamError as e:
    assert e.code == 2 and "seed" in str(e), e

data, regions, rng = micropq.open(dataset), 0, random.Random(7)
for name, volume in raw.items():
    for _ in range(20):
        region = tuple(slice(*sorted((rng.randint(0, n), rng.randint(0, n)))) for n in volume.shape)
        assert np.array_equal(data.read_region(name, "raw", region), volume[region]), (name, region)
        regions += 1
assert sum(b.num_rows for b in data.batches("chunks", columns=["foreground"])) == data.table("chunks", columns=["z"]).num_rows
try:
    micropq.open(release)
    raise SystemExit("a release was opened as a data set")
except micropq.DamageError:
    pass
print(json.dumps({"items": items, "regions": regions}))
