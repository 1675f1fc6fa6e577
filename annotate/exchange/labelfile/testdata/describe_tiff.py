"""Print what tifffile says of a file: BigTIFF, shape, type, how often each value occurs, size."""
import sys

import numpy as np
import tifffile

with tifffile.TiffFile(sys.argv[1]) as t:
    a = t.asarray()
    values, counts = np.unique(a, return_counts=True)
    print(t.is_bigtiff, a.shape, a.dtype, dict(zip(values.tolist(), counts.tolist())), t.pages[0].get_resolution("MICROMETER"))
