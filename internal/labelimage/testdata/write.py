"""Write the label images that the test reads: write.py FOLDER"""

import shutil
import sys
from pathlib import Path

import numpy as np
import tifffile
import zarr
from PIL import Image

folder = Path(sys.argv[1])
rng = np.random.default_rng(3)
flat = np.kron(rng.integers(0, 4, (9, 13)), np.ones((5, 7), int)).astype(np.uint16)
flat[rng.random(flat.shape) < 0.05] = 0
deep = np.stack([flat, flat.T.copy().T[::-1], flat[:, ::-1]])
np.save(folder / "flat.npy", flat)
np.save(folder / "flat-big-endian.npy", flat.astype(">i4"))
np.save(folder / "deep.npy", deep.astype(np.int64))
np.save(folder / "fortran.npy", np.asfortranarray(flat))
np.save(folder / "float.npy", flat.astype(float))
np.save(folder / "four-axes.npy", deep[None])
np.save(folder / "negative.npy", flat.astype(np.int16) - 1)


def save_zarr(name, array, chunks, version=3):
    out = zarr.create_array(folder / name, shape=array.shape, dtype=array.dtype, chunks=chunks, zarr_format=version)
    out[:] = array
    return out


save_zarr("flat.zarr", flat, (20, 30), 2)
save_zarr("deep.zarr", deep.astype("u4"), (2, 20, 91)).attrs["axes"] = "ZYX"
shutil.make_archive(folder / "flat.zarr", "zip", folder, "flat.zarr")
(folder / "two").mkdir()
shutil.copytree(folder / "flat.zarr", folder / "two" / "a.zarr")
shutil.copytree(folder / "flat.zarr", folder / "two" / "b.zarr")
(folder / "empty").mkdir()
save_zarr("channels.zarr", np.stack([deep] * 2), (1, 2, 20, 40))
tifffile.imwrite(folder / "flat.tif", flat, compression="zlib", predictor=True, rowsperstrip=4)
tifffile.imwrite(folder / "flat-tiled.tif", flat.astype(np.uint32), tile=(16, 16), compression="lzw")
tifffile.imwrite(folder / "flat-big.tif", flat.astype(np.uint8), bigtiff=True, byteorder=">", resolution=(20000, 20000), resolutionunit="CENTIMETER")
tifffile.imwrite(folder / "deep.tif", deep, photometric="minisblack")
tifffile.imwrite(folder / "rgb.tif", np.stack([flat] * 3, -1).astype(np.uint8), photometric="rgb")
Image.fromarray(flat).save(folder / "flat-16.png")
Image.fromarray(flat.astype(np.uint8)).save(folder / "flat-8.png")
palette = Image.fromarray(flat.astype(np.uint8), "P")
palette.putpalette(list(range(12)))
palette.save(folder / "flat-palette.png", bits=2)
Image.fromarray(flat > 0).save(folder / "one-bit.png")
np.save(folder / "one-bit.npy", flat > 0)
Image.fromarray(np.stack([flat] * 3, -1).astype(np.uint8)).save(folder / "rgb.png")
two = np.stack([flat, flat.max() - flat])
np.save(folder / "two.npy", two)
Image.fromarray(np.stack([two[0], two[1], two[0]], -1).astype(np.uint8)).save(folder / "image.png")
tifffile.imwrite(folder / "image.tif", two.astype(np.uint8), photometric="minisblack", ome=True, metadata={"axes": "CYX"})
save_zarr("image.zarr", two[:, None], (1, 1, 20, 40))
with tifffile.TiffWriter(folder / "mixed.tif") as out:
    out.write(flat, contiguous=False)
    out.write(flat.astype(np.uint8), contiguous=False)
(folder / "text.tif").write_text("no image at all")
(folder / "cut.npy").write_bytes((folder / "flat.npy").read_bytes()[:-9])
(folder / "cut.png").write_bytes((folder / "flat-16.png").read_bytes()[:-60])
