"""Measure every mask of a stack (N, Y, X) of bools: one JSON object a mask.

The names in capitals follow the method that NCL-SM published with its measurements, with
cv2 and scikit-image in place of our code; the others are regionprops'.
"""

import json
import sys

import cv2
import numpy as np
from skimage.measure import perimeter_crofton, regionprops
from skimage.morphology import convex_hull_image


def ellipse(mask):
    edges = cv2.Canny(np.pad(mask.astype(np.uint8) * 255, 10), 100, 200)
    contours, hierarchy = cv2.findContours(edges, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = [c for i, c in enumerate(contours) if hierarchy[0][i][3] != -1]
    if not holes:
        return [0, 0, 0]
    longest = max(holes, key=len)
    tie = sum(len(h) == len(longest) for h in holes) > 1
    if len(longest) < 10:
        return [len(longest), 0, 0]
    return [-len(longest) if tie else len(longest), *cv2.fitEllipse(longest)[1]]


def measure(mask):
    (region,) = regionprops(mask.astype(np.uint8))
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
    inside = cv2.erode(np.pad(mask.astype(np.uint8), 1), cross, borderValue=0)
    return {
        "Fiber_Perimeter": int(mask.sum() - inside.sum()),
        "Convexity": int(convex_hull_image(mask).sum()) / int(mask.sum()),
        "ellipse": ellipse(mask),
        "equivalent_diameter": region.equivalent_diameter_area,
        "feret_max": region.feret_diameter_max,
        "perimeter_crofton": perimeter_crofton(mask, 4),
        "solidity": region.solidity,
        "eccentricity": region.eccentricity,
        "orientation": region.orientation,
    }


json.dump([measure(mask) for mask in np.load(sys.argv[1])], sys.stdout, default=float)
