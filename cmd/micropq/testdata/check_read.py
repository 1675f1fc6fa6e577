"""Compare files that `micropq read` wrote with zarr-python, using no code of micropq.

usage: check_read.py SOURCE SAMPLE DIR

SOURCE is an unpacked FISBe release. DIR holds whole.npy and region.npy (raw, region
1:3,4:20,:,-8:), region.raw (its elements alone), merged.npy (gt_instances) and masks.npy
(instances 1 and 5 in Z 0:20).
"""
import glob
import sys

import numpy as np
import zarr


def main(source, sample, folder):
    root = glob.glob(f"{source}/**/{sample}.zarr", recursive=True)[0]
    group = zarr.open_group(root, mode="r")
    raw, gt = group["volumes/raw"][:], group["volumes/gt_instances"][:].astype(np.int64)

    def equal(name, want):
        got = np.load(f"{folder}/{name}.npy")
        assert got.dtype == want.dtype and got.shape == want.shape and (got == want).all(), name
        assert got.flags.c_contiguous

    region = raw[1:3, 4:20, :, -8:]
    equal("whole", raw)
    equal("region", region)
    assert np.fromfile(f"{folder}/region.raw", raw.dtype).tobytes() == region.tobytes()
    equal("merged", gt.max(axis=0).astype(np.uint32))
    masks = np.stack([(gt == i).any(axis=0) for i in (1, 5)])[:, 0:20]
    assert masks.any(axis=(1, 2, 3)).all()
    equal("masks", masks)


if __name__ == "__main__":
    main(*sys.argv[1:])
