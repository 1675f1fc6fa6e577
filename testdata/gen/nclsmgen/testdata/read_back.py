"""Read TIFF files with tifffile and compare them with the bytes beside them.

usage: read_back.py NAME...

NAME.tif holds the little-endian uint16 elements of NAME.raw.
"""
import sys

import numpy as np
import tifffile

for name in sys.argv[1:]:
    got = tifffile.imread(name + ".tif")
    want = np.fromfile(name + ".raw", "<u2").reshape(got.shape)
    assert got.dtype == np.uint16 and (got == want).all(), name
