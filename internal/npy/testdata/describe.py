"""Print dtype, shape and the bytes of each .npy file, as numpy loads it."""
import sys

import numpy as np

for path in sys.argv[1:]:
    a = np.load(path)
    print(a.dtype.name, a.shape, a.flags.c_contiguous, a.tobytes().hex())
