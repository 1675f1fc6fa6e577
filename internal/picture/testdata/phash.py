"""Makes micrograph-like scenes and what becomes of them (JPEG, other sizes, ...), with imagehash's phash of each, as JSON."""

import io
import json
import sys

import imagehash
import numpy as np
from PIL import Image
from scipy import ndimage

SCENES, SIDE = int(sys.argv[1]), 256


def scene(seed):
    """Cells, fibres or texture, in one colour or three."""
    rng = np.random.default_rng(seed)
    kind = seed % 4
    y, x = np.mgrid[:SIDE, :SIDE]
    if kind == 0:  # few bright cells on black
        a = np.zeros((SIDE, SIDE))
        for _ in range(rng.integers(3, 25)):
            cy, cx, r = rng.uniform(0, SIDE, 2).tolist() + [rng.uniform(8, 30)]
            a += rng.uniform(60, 200) * (((y - cy) ** 2 + (x - cx) ** 2) < r * r)
    elif kind == 1:  # tissue: smooth noise at several scales
        a = sum(ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), s) * s * 60 for s in (2, 5, 12)) + 128
    elif kind == 2:  # fibres with boundaries
        p = rng.uniform(0, SIDE, (60, 2))
        d = np.sort(((y[..., None] - p[:, 0]) ** 2 + (x[..., None] - p[:, 1]) ** 2) ** 0.5, -1)
        a = 40 + 180 * ((d[..., 1] - d[..., 0]) > 4)
    else:  # fine texture without structure at a large scale
        a = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 1.5) * 120 + 128
    a = np.clip(ndimage.gaussian_filter(a, 1) + rng.normal(0, 4, a.shape), 0, 255).astype(np.uint8)
    return Image.fromarray(a if seed % 3 else np.stack([a, a // 2 + 60, 255 - a // 3], -1))


def png(m):
    b = io.BytesIO()
    m.save(b, "PNG")
    return b.getvalue()


def jpeg(m, q):
    b = io.BytesIO()
    m.save(b, "JPEG", quality=q)
    return b.getvalue()


def changed(m):
    w, h = m.size
    return {
        "png": png(m), "jpeg90": jpeg(m, 90), "jpeg50": jpeg(m, 50), "half": png(m.resize((w // 2, h // 2), Image.LANCZOS)),
        "larger": png(m.resize((w * 3 // 2, h * 3 // 2), Image.BICUBIC)), "thumb": jpeg(m.resize((w // 4, h // 4)), 75),
        "brighter": png(m.point(lambda v: min(255, v * 1.15 + 8))), "cropped": png(m.crop((2, 2, w - 2, h - 2))),
        "turned1": png(m.rotate(1, Image.BICUBIC)), "turned90": png(m.rotate(90)), "mirrored": png(m.transpose(Image.FLIP_LEFT_RIGHT)),
    }


out = []
for i in range(SCENES):
    for name, data in changed(scene(i)).items():
        h = int(str(imagehash.phash(Image.open(io.BytesIO(data)))), 16)
        out.append({"Scene": i, "Change": name, "Data": data.hex(), "Hash": str(h)})
json.dump(out, sys.stdout)
