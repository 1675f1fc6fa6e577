"""Images of many kinds and what Pillow's BILINEAR makes of them, into a folder: resize.py OUT.

Prints a JSON list of {file, height, width, exact}; FILE.WxH.rgb has the pixels.
"""

import json
import sys

import numpy as np
from PIL import Image, ImageFilter

out = sys.argv[1]
rng = np.random.default_rng(3)
cases = []


def smooth(height, width, channels):
    """Pixels with edges, as of an image, not only noise."""
    values = rng.integers(0, 256, (height, width, channels), np.uint8)
    noise = Image.fromarray(values if channels > 1 else values[..., 0])
    pixels = np.asarray(noise.filter(ImageFilter.GaussianBlur(2)), float)
    return np.clip((pixels - 128) * 4 + 128, 0, 255).astype(np.uint8)


def case(image, name, exact, **options):
    image.save(f"{out}/{name}", **options)
    stored = Image.open(f"{out}/{name}")
    rgb = stored.convert("RGB")
    if stored.mode == "I;16":
        rgb = Image.fromarray((np.asarray(stored) >> 8).astype(np.uint8)).convert("RGB")
    for height, width in ((24, 24), (1, 1), (17, 50), rgb.size[::-1], (200, 90)):
        with open(f"{out}/{name}.{width}x{height}.rgb", "wb") as f:
            f.write(rgb.resize((width, height), Image.Resampling.BILINEAR).tobytes())
        cases.append({"file": name, "height": height, "width": width, "exact": exact})


for k, (height, width) in enumerate([(64, 64), (37, 101), (1, 5), (150, 20)]):
    colour = Image.fromarray(smooth(height, width, 3))
    case(colour, f"{k}-rgb.png", True)
    case(colour.convert("L"), f"{k}-l.png", True)
    case(colour.convert("P"), f"{k}-p.png", True)
    case(colour.convert("LA"), f"{k}-la.png", True)
    alpha = colour.copy()
    alpha.putalpha(Image.fromarray(smooth(height, width, 1)))
    case(alpha, f"{k}-rgba.png", True)
    case(Image.fromarray(smooth(height, width, 1).astype(np.uint16) * 250), f"{k}-i16.png", True)
    case(colour, f"{k}-rgb.tif", True)
    case(colour.convert("L"), f"{k}-l.jpg", False, quality=95)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        case(colour, f"{k}-{name}.jpg", False, quality=92, subsampling=subsampling)
print(json.dumps(cases))
