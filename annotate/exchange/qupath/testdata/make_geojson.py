"""Write polygons that do not run along pixel edges as QuPath does, in the three forms of a
file, and print the runs of the pixels whose centres shapely finds inside."""
import json
import random
import sys

import numpy as np
import shapely
import shapely.geometry

random.seed(5)
H, W = 47, 59


def blob():
    while True:
        x, y, r = random.uniform(5, W - 5), random.uniform(5, H - 5), random.uniform(2, 12)
        shape = shapely.geometry.Point(x, y).buffer(r, quad_segs=random.randint(1, 6))
        for _ in range(random.randint(0, 3)):
            other = shapely.geometry.Point(random.uniform(0, W), random.uniform(0, H)).buffer(random.uniform(1, 9))
            shape = shape.union(other) if random.random() < 0.5 else shape.difference(other)
        if not shape.is_empty and shape.geom_type in ("Polygon", "MultiPolygon"):
            return shape


features = []
y, x = np.indices((H, W))
for i in range(60):
    shape = blob()
    m = shapely.contains_xy(shape, x.ravel() + 0.5, y.ravel() + 0.5).reshape(H, W)
    if not m.any():
        continue
    runs = []
    for row in range(H):
        edge = np.flatnonzero(np.diff(np.concatenate([[0], m[row].astype(int), [0]])))
        runs += [(row, int(a), int(b - a)) for a, b in zip(edge[::2], edge[1::2])]
    print(runs)
    properties = {"objectType": random.choice(["annotation", "detection"])}
    if i % 2:
        properties["classification"] = {"name": "Tumor", "color": [200, 0, 0]}
        properties["measurements"] = [{"name": "Area", "value": shape.area}] if i % 3 else {"Area": shape.area}
    features.append({"type": "Feature", "id": "c1a8d5f6-0000-4000-8000-%012d" % i, "geometry": shapely.geometry.mapping(shape), "properties": properties})
json.dump({"type": "FeatureCollection", "features": features}, open(sys.argv[1], "w"))
json.dump(features, open(sys.argv[2], "w"))
