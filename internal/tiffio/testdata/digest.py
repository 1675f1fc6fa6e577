"""Shape, dtype and SHA-256 of the little-endian C-order bytes of a TIFF file's first page.

usage: digest.py FILE
"""
import hashlib
import json
import sys

import numpy as np
import tifffile

with tifffile.TiffFile(sys.argv[1]) as f:
    a = f.pages[0].asarray()
a = np.ascontiguousarray(a.astype(a.dtype.newbyteorder("<")))
print(json.dumps({"shape": a.shape, "dtype": str(a.dtype), "sha256": hashlib.sha256(a).hexdigest()}))
