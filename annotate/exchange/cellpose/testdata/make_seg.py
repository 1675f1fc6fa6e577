"""Write *_seg.npy files as cellpose and others do: element types, orders, pickle protocols."""
import io
import pickle
import sys

import numpy as np

masks = np.zeros((13, 17), np.uint16)
masks[2:5, 3:9], masks[7:12, 0:4], masks[8:9, 1:2] = 1, 300, 0
dtypes = ["u1", "<u2", ">u2", "<u4", "<i4", ">i8", "|i1", "?"]
n = 0
for protocol in range(2, 6):
    for d in dtypes:
        for order in "CF":
            seg = {
                "masks": np.asarray(np.minimum(masks, 100) if d in ("u1", "|i1") else masks, dtype=d, order=order),
                "outlines": masks * 0,
                "colors": np.random.default_rng(1).integers(0, 255, (2, 3)),
                "chan_choose": [0, 0], "ismanual": np.zeros(2, bool), "filename": "a\u00e4.tif",
                "flows": [np.zeros((1, 13, 17, 3), np.uint8), None, [], [[]], (1.5, True, -3, 1 << 40)],
                "est_diam": np.float32(30.0), "diameter": 30.5, "img": None,
            }
            out = io.BytesIO()
            np.lib.format.write_array_header_1_0(out, {"descr": "|O", "fortran_order": False, "shape": ()})
            pickle.dump(np.array(seg, dtype=object), out, protocol=protocol)
            open(f"{sys.argv[1]}/{n:03d}_{d.strip('<>|?') or 'bool'}_seg.npy", "wb").write(out.getvalue())
            n += 1


class Evil:
    def __reduce__(self):
        return (print, ("code was run",))


np.save(f"{sys.argv[1]}/evil_seg.npy", {"masks": masks, "filename": Evil()}, allow_pickle=True)
np.save(f"{sys.argv[1]}/list_seg.npy", np.array([1, "a"], dtype=object), allow_pickle=True)
np.save(f"{sys.argv[1]}/without_seg.npy", {"outlines": masks}, allow_pickle=True)
np.save(f"{sys.argv[1]}/float_seg.npy", {"masks": masks.astype(float)}, allow_pickle=True)
np.save(f"{sys.argv[1]}/plain_seg.npy", masks)
np.save(f"{sys.argv[1]}/size_seg.npy", {"masks": masks[1:]}, allow_pickle=True)
