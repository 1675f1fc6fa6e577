"""Read exported annotations with established libraries and compare them with the masks
that were exported: a JSON list of {Path, Format, Shape, Runs}, where Runs maps ids to runs."""
import json
import os
import sys

import numpy as np
import shapely
import shapely.geometry
import tifffile
import zarr
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO


def expected(f):
    masks = {}
    for key, runs in f["Runs"].items():
        m = np.zeros(f["Shape"] if len(f["Shape"]) == 3 else [1] + f["Shape"], bool)
        for r in runs:
            m[r["Z"], r["Y"], r["X"]:r["X"] + r["N"]] = True
        masks[int(key)] = m.reshape(f["Shape"])
    return masks


def check_image(image, f):
    assert list(image.shape) == f["Shape"], (f["Path"], image.shape)
    want = np.zeros(f["Shape"], np.int64)
    for key, m in expected(f).items():
        want[m] = key
    assert (image == want).all(), f["Path"]


def check_coco(f):
    sys.stdout = open(os.devnull, "w")
    coco = COCO(f["Path"])
    sys.stdout = sys.__stdout__
    masks = expected(f)
    assert sorted(coco.anns) == sorted(masks), f["Path"]
    for key, ann in coco.anns.items():
        m = coco.annToMask(ann).astype(bool)
        assert (m == masks[key]).all(), (f["Path"], key)
        assert ann["area"] == m.sum() == coco_mask.area(ann["segmentation"])
        assert list(coco_mask.toBbox(ann["segmentation"])) == ann["bbox"]
        assert ann["category_id"] in coco.cats


def check_geojson(f):
    document = json.load(open(f["Path"]))
    assert document["type"] == "FeatureCollection"
    masks = expected(f)
    areas, seen = {}, set()
    for feature in document["features"]:
        assert feature["type"] == "Feature" and feature["properties"]["objectType"] == "annotation"
        assert feature["id"] not in seen
        seen.add(feature["id"])
        geometry = feature["geometry"]
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        for rings in polygons:
            for i, ring in enumerate(rings):
                assert ring[0] == ring[-1] and len(ring) >= 4, "RFC 7946: rings are closed"
                ccw = shapely.geometry.LinearRing(ring).is_ccw
                assert ccw == (i == 0), "RFC 7946: outer rings are counter-clockwise, holes clockwise"
        shape = shapely.geometry.shape(geometry)
        assert shape.is_valid, shapely.is_valid_reason(shape)
        key = int(feature["properties"]["metadata"]["instance_id"])
        z = geometry.get("plane", {}).get("z", 0)
        m = masks[key] if len(f["Shape"]) == 2 else masks[key][z]
        assert shape.area == m.sum(), (f["Path"], key, z)
        y, x = np.indices(m.shape)
        inside = shapely.contains_xy(shape, x.ravel() + 0.5, y.ravel() + 0.5).reshape(m.shape)
        assert (inside == m).all(), (f["Path"], key, z)
        areas[key] = areas.get(key, 0) + shape.area
    assert areas == {key: m.sum() for key, m in masks.items()}, f["Path"]


def check_seg(f):
    seg = np.load(f["Path"], allow_pickle=True).item()
    check_image(seg["masks"], f)
    assert seg["ismanual"].shape == (len(f["Runs"]),) and seg["ismanual"].dtype == bool
    edge = seg["outlines"]
    assert edge.shape == seg["masks"].shape and edge.dtype == seg["masks"].dtype
    m = seg["masks"].reshape([-1] + f["Shape"][-2:])
    p = np.pad(m, ((0, 0), (1, 1), (1, 1)), constant_values=-1 if m.dtype.kind == "i" else np.iinfo(m.dtype).max)
    inside = (p[:, :-2, 1:-1] == m) & (p[:, 2:, 1:-1] == m) & (p[:, 1:-1, :-2] == m) & (p[:, 1:-1, 2:] == m)
    assert (edge.reshape(m.shape) == np.where(inside, 0, m)).all(), f["Path"]


def check(f):
    kind = f["Format"]
    if kind == "tif":
        check_image(tifffile.imread(f["Path"]), f)
        with tifffile.TiffFile(f["Path"]) as t:
            assert len(t.pages) == (f["Shape"][0] if len(f["Shape"]) == 3 else 1)
            if len(f["Shape"]) == 2:
                assert t.pages[0].get_resolution("MICROMETER") == (2.0, 2.0)
    elif kind == "png":
        check_image(np.array(Image.open(f["Path"])), f)
    elif kind == "npy":
        check_image(np.load(f["Path"]), f)
    elif kind == "zarr":
        check_image(zarr.open_array(f["Path"], mode="r")[:], f)
    elif kind == "cellpose":
        check_seg(f)
    elif kind == "coco":
        check_coco(f)
    elif kind == "qupath":
        check_geojson(f)
    else:
        raise ValueError(kind)


files = json.load(open(sys.argv[1]))
for f in files:
    check(f)
print(len(files), "files")
