"""Print what zarr-python 2 says of an array: shape, type and how often each value occurs."""
import sys

import numpy as np
import zarr

a = zarr.open_array(sys.argv[1], mode="r")
values, counts = np.unique(a[:], return_counts=True)
print(a.shape, a.dtype, dict(zip(values.tolist(), counts.tolist())))
