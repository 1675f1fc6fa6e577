"""Measure `micropq annotate measure` and the mask codes against what others take.

usage: masks.py MICROPQ MASK_TEST S60.tiff [ROUNDS]

MICROPQ is the binary, MASK_TEST the test binary of internal/mask (go test -c), S60.tiff a
label image. Contenders take turns, ROUNDS times (default 5). Printed are medians of wall time
and of processor time (user and system, all threads), which a busy machine disturbs less, and
their ratios.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import tifffile
from pycocotools import mask as coco
from scipy.ndimage import find_objects
from skimage.measure import regionprops_table
from skimage.morphology import convex_hull_image

PROPERTIES = [
    "label", "area", "bbox", "centroid", "equivalent_diameter_area", "feret_diameter_max",
    "perimeter_crofton", "solidity", "eccentricity", "orientation",
]
PUBLISHED_FIBRES = 10


def clock(who=resource.RUSAGE_SELF):
    use = resource.getrusage(who)
    return time.perf_counter(), use.ru_utime + use.ru_stime


def timed(work, who=resource.RUSAGE_SELF):
    """Wall and processor seconds of work()."""
    start = clock(who)
    work()
    end = clock(who)
    return end[0] - start[0], end[1] - start[1]


def child(*command, **environment):
    def work():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment)

    return timed(work, resource.RUSAGE_CHILDREN)


def regionprops(path):
    regionprops_table(tifffile.imread(path), properties=PROPERTIES)


def published_fibre(labels, fibre):
    """One fibre by the published method: every step on an image of the whole section."""
    mask = ((labels == fibre) * 255).astype(np.uint8)
    padded = np.zeros((mask.shape[0] + 20, mask.shape[1] + 20))
    padded[10:-10, 10:-10] = mask
    padded = padded.astype(np.uint8)
    contours, hierarchy = cv2.findContours(cv2.Canny(padded, 100, 200), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = [c for i, c in enumerate(contours) if hierarchy[0][i][3] != -1]
    ellipse = cv2.fitEllipse(max(holes, key=len)) if holes and len(max(holes, key=len)) >= 10 else None
    rows, columns = np.nonzero(mask)
    box = rows.max() - rows.min(), columns.max() - columns.min()
    hull = np.count_nonzero(convex_hull_image(mask))
    border = any(any(p != 0 for p in edge) for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    perimeter = np.count_nonzero(padded) - np.count_nonzero(cv2.erode(padded, cross))
    return ellipse, box, hull, border, perimeter


def published(path):
    """Seconds for all fibres, from some of them spread over the section."""
    labels = tifffile.imread(path)
    ids, areas = np.unique(labels[labels > 0], return_counts=True)
    ids = ids[areas > 25]
    some = ids[:: len(ids) // PUBLISHED_FIBRES][:PUBLISHED_FIBRES]
    wall, cpu = timed(lambda: [published_fibre(labels, i) for i in some])
    return wall * len(ids) / len(some), cpu * len(ids) / len(some)


def mask_test(binary, sample, name, times=40):
    """Wall and processor seconds of one pass of a Go benchmark: setting up is taken off."""
    few, many = (
        child(binary, "-test.run=^$", f"-test.bench=^{name}$", f"-test.benchtime={n}x", MICROPQ_SAMPLES=sample) for n in (1, 1 + times)
    )
    return tuple((m - f) / times for f, m in zip(few, many))


def report(title, rounds):
    print(f"\n{title}\n")
    print("| | wall, s | processor, s | times ours (wall) | (processor) |\n|---|---|---|---|---|")
    medians = {name: [statistics.median(v) for v in zip(*values)] for name, values in rounds.items()}
    ours = next(iter(medians.values()))
    for name, (wall, cpu) in medians.items():
        print(f"| {name} | {wall:.4g} | {cpu:.4g} | {wall / ours[0]:.3g} | {cpu / ours[1]:.3g} |", flush=True)


def compare(title, rounds, **contenders):
    values = {name.replace("_", " "): [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            values[name.replace("_", " ")].append(contender())
    report(title, values)


def main():
    micropq, test, path = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    sample = str(Path(path).resolve().parent.parent)
    labels = tifffile.imread(path)
    masks = [np.asfortranarray((labels[s] == i + 1).astype(np.uint8)) for i, s in enumerate(find_objects(labels)) if s]
    codes = [coco.encode(m) for m in masks]
    print(f"{len(masks)} masks of {labels.shape[0]}x{labels.shape[1]}, {sum(m.size for m in masks) / 1e6:.1f} million pixels cropped; {rounds} rounds")
    del labels
    with tempfile.TemporaryDirectory() as folder:
        table = os.path.join(folder, "table.csv")
        compare(
            "Measure a section, file to table", rounds,
            micropq_annotate_measure=lambda: child(micropq, "annotate", "measure", path, "--csv", table, "--rule", "ntm"),
            one_processor=lambda: child(micropq, "annotate", "measure", path, "--csv", table, "--rule", "ntm", "-j", "1", GOMAXPROCS="1"),
            tifffile_and_regionprops_table=lambda: timed(lambda: regionprops(path)),
        )
        compare(
            f"The same by the published method, {PUBLISHED_FIBRES} fibres scaled to all", min(rounds, 3),
            micropq_annotate_measure=lambda: child(micropq, "annotate", "measure", path, "--csv", table, "--rule", "ntm"),
            published_method=lambda: published(path),
        )
    compare(
        "Encode compressed RLE", rounds,
        internal_mask_from_runs=lambda: mask_test(test, sample, "BenchmarkEncode/runs"),
        internal_mask_from_pixels=lambda: mask_test(test, sample, "BenchmarkEncode/pixels"),
        pycocotools_from_pixels=lambda: timed(lambda: [coco.encode(m) for m in masks]),
    )
    compare(
        "Decode compressed RLE", rounds,
        internal_mask_to_runs=lambda: mask_test(test, sample, "BenchmarkDecode/runs"),
        internal_mask_to_pixels=lambda: mask_test(test, sample, "BenchmarkDecode/pixels"),
        pycocotools_to_pixels=lambda: timed(lambda: [coco.decode(c) for c in codes]),
    )


if __name__ == "__main__":
    main()
