"""Says what transforms make of items, in numpy: transform.py CASES.json.

A case has the files of a tensor before and after a transform, which of its axes are what, and the transform
with what was drawn for each item. It prints how many items it compared.
"""

import json
import os
import sys

import numpy as np

folder = os.path.dirname(sys.argv[1])
with open(sys.argv[1]) as f:
    cases = json.load(f)


def tensor(t):
    return np.fromfile(os.path.join(folder, t["file"]), t["dtype"]).reshape(t["shape"])


def normalised(image, n, dtype):
    """Channels are the first axis, or there is one only."""
    image = image.astype(np.float64)
    by_channel = lambda v: np.array(v).reshape(-1, *[1] * (image.ndim - 1)) if len(v) > 1 else v[0]
    if n.get("low"):
        image = np.clip(image, by_channel(n["low"]), by_channel(n["high"]))
    image = (image - by_channel(n["offset"])) / by_channel(n["scale"])
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        image = np.clip(np.rint(np.nan_to_num(image, nan=0)), limits.min, limits.max)
    return image.astype(dtype)


def turned(item, axes, turns, flips):
    item = np.rot90(item, turns, axes=(axes.index("Y"), axes.index("X")))
    return np.flip(item, [axes.index(a) for a in flips])


items = 0
for case in cases:
    raw, got = tensor(case["before"]), tensor(case["after"])
    axes = case["before"]["axes"][1:]
    for i, (turns, flips) in enumerate(zip(case["turns"], case["flips"])):
        want = raw[i]
        if case.get("classes"):
            # ids that no class was drawn for are not in the item
            index = np.zeros(int(want.max()) + 1, np.uint8)
            for id, name in case["class_of"][i].items():
                if int(id) < len(index):
                    index[int(id)] = case["classes"].index(name if name in case["classes"] else "*") + 1
            want = index[want]
        if case.get("instances"):
            # want has a mask for every instance of the sample, in the order of ids
            ids, area = np.array(case["ids"][i]), want.reshape(len(want), -1).sum(axis=1)
            order = [k for k in sorted(range(len(ids)), key=lambda k: (-area[k], ids[k])) if area[k] > 0][: case["instances"]]
            have = np.array(case["drawn"][i])
            assert list(have[: len(order)]) == [ids[k] for k in order] and not have[len(order) :].any(), (case["name"], i, have, ids[order])
            masks = np.zeros((case["instances"], *want.shape[1:]), np.uint8)
            masks[: len(order)] = want[order]
            want = masks
        want = turned(want, axes, turns, flips)
        if case.get("normalisation"):
            if axes.endswith("C"):
                want = np.moveaxis(normalised(np.moveaxis(want, -1, 0), case["normalisation"], got.dtype), 0, -1)
            else:
                want = normalised(want, case["normalisation"], got.dtype)
        assert want.dtype == got.dtype and np.array_equal(want, got[i], equal_nan=got.dtype.kind == "f"), (
            case["name"], i, turns, flips, want.dtype, got.dtype, want.shape, got[i].shape, np.argwhere(want != got[i])[:3].tolist())
        items += 1
print(json.dumps({"items": items}))
