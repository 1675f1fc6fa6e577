"""Writes images of every mode and format with Pillow, and what Pillow reads in them, as JSON."""

import io
import json
import sys

import numpy as np
from PIL import Image

rng = np.random.default_rng(1)
W, H = 23, 17
grey = rng.integers(0, 256, (H, W), np.uint8)
colour = rng.integers(0, 256, (H, W, 4), np.uint8)
wide = rng.integers(0, 65536, (H, W), np.uint16)
images = {
    "L": Image.fromarray(grey), "RGB": Image.fromarray(colour[..., :3]), "RGBA": Image.fromarray(colour),
    "LA": Image.fromarray(colour[..., :2], "LA"), "I;16": Image.fromarray(wide), "1": Image.fromarray(grey).convert("1"),
    "F": Image.fromarray(grey.astype(np.float32)), "I": Image.fromarray(grey.astype(np.int32)),
    "P": Image.fromarray(colour[..., :3]).quantize(17), "CMYK": Image.fromarray(colour, "CMYK"),
}
cases = [("PNG", m, {}) for m in ("L", "RGB", "RGBA", "LA", "I;16", "1", "P")]
cases += [("PNG", m, {"compress_level": c}) for m in ("RGB", "RGBA") for c in (0, 9)]
cases += [("JPEG", m, {"quality": 85, "subsampling": s}) for m in ("L", "RGB") for s in (0, 1, 2)] + [("JPEG", "CMYK", {})]
cases += [("TIFF", m, {"compression": c}) for m in ("L", "RGB", "I;16") for c in (None, "tiff_lzw", "tiff_adobe_deflate")]
cases += [("TIFF", "F", {}), ("TIFF", "I", {})]
cases += [("TIFF", "RGBA", {}), ("TIFF", "P", {}), ("PNG", "RGB", {"progressive": True}), ("JPEG", "RGB", {"progressive": True})]
out = []
for fmt, mode, options in cases:
    options = {k: v for k, v in options.items() if v is not None}
    b = io.BytesIO()
    images[mode].save(b, fmt, **options)
    read = Image.open(io.BytesIO(b.getvalue()))
    # Nothing is decoded of F and I.
    layout = {"F": "", "I": "", "I;16": "L;16", "1": "L", "P": "RGB"}.get(mode, mode)
    pixels = read.convert(layout) if mode in ("1", "P") else read
    out.append({
        "Name": f"{fmt} {mode} {' '.join(f'{k}={v}' for k, v in options.items())}", "Data": b.getvalue().hex(), "Format": read.format,
        "Width": read.width, "Height": read.height, "Mode": read.mode, "Layout": layout,
        "Pixels": "" if fmt == "JPEG" else np.asarray(pixels).tobytes().hex(),
    })
json.dump(out, sys.stdout)
