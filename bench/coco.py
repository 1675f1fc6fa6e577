"""Measure `micropq validate` on COCO JSON beside `datum validate` (Datumaro) on the same file.

usage: coco.py MICROPQ DATUM [INSTANCES] [ROUNDS] [FOLDER]

MICROPQ is the binary, DATUM the command of a Datumaro that has its command line
(pip install 'datumaro[cli]'). INSTANCES (default 50,000; the target is stated for 1,000,000) are
made once in FOLDER (default below the temporary folder) and kept: 256 in each image of 1024 by
1024 pixels, in three of five a polygon of 12 to 60 vertices, else run lengths, half of them
compressed; annotations are in no order of images. Some carry a planted defect; `make` prints how
many of each. Contenders take turns, ROUNDS times (default 3). Printed are medians of wall time, of
processor time, peak memory, and what each found.

    coco.py make PATH INSTANCES     only makes the file
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SIDE, CELL = 1024, 64  # pixels of an image, and of the cell that each object has to itself
GRID = SIDE // CELL
CLASSES = ["fibre", "nucleus", "vessel", "cell", "debris"]
SHAPES = 2048
# One annotation in EVERY[name], shifted so that none has two defects.
EVERY = {"bbox": 5003, "area": 5009, "crossing": 5011, "short counts": 5021, "row-major": 5023, "duplicate id": 20011}


def shapes():
    """Outlines in a cell, with the columns of pixels (x, top, length) of each."""
    import numpy as np
    from pycocotools import mask as coco

    random = np.random.default_rng(17)
    made = []
    for k in range(SHAPES):
        n = int(random.integers(12, 61))
        angle = np.sort(random.uniform(0, 2 * np.pi, n))
        radius = random.uniform(8, 25) * (1 + 0.12 * np.sin(3 * angle + random.uniform(0, 6)))
        x, y = CELL / 2 + radius * np.cos(angle) * random.uniform(0.7, 1.1), CELL / 2 + radius * np.sin(angle)
        xy = np.round(np.column_stack([x, y]), 2)
        pixels = coco.decode(coco.frPyObjects([xy.ravel().tolist()], CELL, CELL))[:, :, 0].T  # by column
        edges = np.diff(np.pad(pixels, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        column, start = np.nonzero(edges == 1)
        end = np.nonzero(edges == -1)[1]
        made.append((xy, np.column_stack([column, start, end - start])))
    return made


def shoelace(xy):
    x, y = xy[:, 0], xy[:, 1]
    return abs(float((x * [*y[1:], y[0]] - y * [*x[1:], x[0]]).sum())) / 2


def counts_of(runs, row_major=False):
    """Run lengths over an image of (line, at, length)."""
    counts, last = [], 0
    for line, at, n in runs:
        start = int(line) * SIDE + int(at)
        if counts and start == last:
            counts[-1] += int(n)
        else:
            counts += [start - last, int(n)]
        last = start + int(n)
    return counts + [SIDE * SIDE - last] if last < SIDE * SIDE else counts


def annotation(i, image, cell, shape, defect):
    from pycocotools import mask as coco

    xy, runs = shape
    x0, y0 = cell % GRID * CELL, cell // GRID * CELL
    kind = i % 5
    if defect in ("short counts", "row-major"):
        kind = 3
    elif defect == "crossing":
        kind = 0
    if kind < 3:
        xy = xy + [x0, y0]
        (left, top), (right, bottom) = xy.min(0), xy.max(0)
        box, area = [left, top, right - left, bottom - top], shoelace(xy)
        if defect == "crossing":
            xy[[1, len(xy) // 2]] = xy[[len(xy) // 2, 1]]
        segmentation = "[[%s]]" % ", ".join("%.2f" % v for v in xy.ravel())
    else:
        runs = runs + [x0, y0, 0]
        left, top, right, bottom = runs[0, 0], runs[:, 1].min(), runs[-1, 0] + 1, (runs[:, 1] + runs[:, 2]).max()
        box, area = [left, top, right - left, bottom - top], runs[:, 2].sum()
        counts = counts_of(runs)
        if defect == "row-major":  # the transposed object's, with a box that says where it really is
            box = [box[1], box[0], box[3], box[2]]
        if defect == "short counts":
            counts[-1] -= 7
        if kind == 3:
            text = json.dumps(counts)
        else:
            text = json.dumps(coco.frPyObjects({"size": [SIDE, SIDE], "counts": counts}, SIDE, SIDE)["counts"].decode())
        segmentation = '{"size": [%d, %d], "counts": %s}' % (SIDE, SIDE, text)
    if defect == "bbox":
        box[2] *= 2
    if defect == "area":
        area = box[2] * box[3] * 2
    ident = i if defect == "duplicate id" else i + 1
    category = 1 + i % len(CLASSES)
    return '{"id": %d, "image_id": %d, "category_id": %d, "iscrowd": %d, "area": %.6g, "bbox": [%.2f, %.2f, %.2f, %.2f], "segmentation": %s}' % (
        ident, image + 1, category, 0, area, *box, segmentation)


def make(path, instances):
    """Writes the file and returns how many annotations have each defect."""
    images = -(-instances // (GRID * GRID))
    known, planted = shapes(), dict.fromkeys(EVERY, 0)
    with open(path, "w") as f:
        listed = [{"id": k + 1, "file_name": "section_%05d.png" % k, "height": SIDE, "width": SIDE} for k in range(images)]
        categories = [{"id": k + 1, "name": name, "supercategory": ""} for k, name in enumerate(CLASSES)]
        f.write('{"info": {}, "licenses": [], "images": %s, "categories": %s, "annotations": [\n' % (json.dumps(listed), json.dumps(categories)))
        for i in range(instances):
            defect = next((name for k, (name, every) in enumerate(EVERY.items()) if i % every == 50 + k), None)
            if defect:
                planted[defect] += 1
            f.write(annotation(i, i % images, i // images, known[i * 7919 % SHAPES], defect))
            f.write(",\n" if i + 1 < instances else "\n]}\n")
    return planted


def run(command, folder):
    """Wall and processor seconds and peak bytes of a command, and its exit code."""
    start = time.perf_counter()
    with open(os.path.join(folder, "output"), "w") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
        _, status, use = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - start, use.ru_utime + use.ru_stime, use.ru_maxrss * 1024, child.returncode


def found_by_micropq(folder):
    with open(os.path.join(folder, "found.jsonl")) as f:
        findings = [json.loads(line) for line in f]
    return Counter(f["rule"] for f in findings if "rule" in f)


def found_by_datum(folder):
    reports = sorted(Path(folder).glob("*report*.json"))
    with open(reports[-1]) as f:
        return Counter(r["anomaly_type"] for r in json.load(f)["validation_reports"])


def main():
    micropq, datum = (os.path.abspath(p) for p in sys.argv[1:3])
    instances, rounds = (int(sys.argv[k]) if len(sys.argv) > k else d for k, d in ((3, 50_000), (4, 3)))
    base = Path(sys.argv[5] if len(sys.argv) > 5 else os.path.join(tempfile.gettempdir(), "micropq-bench-coco"))
    folder = base / f"coco-{instances}"
    path = folder / "annotations" / "instances_train.json"
    if not path.exists():
        path.parent.mkdir(parents=True)
        (folder / "images").mkdir()
        print("planted:", make(path, instances))
    print(f"{instances} instances, {path.stat().st_size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
    contenders = {
        "micropq validate": ([micropq, "validate", "--no-config", "--progress", "none", "--report", "jsonl=found.jsonl", str(path)], found_by_micropq),
        "one processor": ([micropq, "validate", "--no-config", "--progress", "none", "-j", "1", "--report", "jsonl=found.jsonl", str(path)], found_by_micropq),
        "datum validate": ([datum, "validate", "-t", "segmentation", f"{folder}:coco"], found_by_datum),
    }
    values, found = {name: [] for name in contenders}, {}
    for _ in range(rounds):
        for name, (command, read) in contenders.items():
            with tempfile.TemporaryDirectory(dir=base) as work:
                *cost, code = run(command, work)
                if code not in (0, 1):
                    sys.exit(f"{name} ended with {code}:\n" + Path(work, "output").read_text()[-3000:])
                values[name].append(cost)
                found[name] = read(work)
    medians = {name: [statistics.median(v) for v in zip(*rounds)] for name, rounds in values.items()}
    ours = medians["micropq validate"]
    print("\n| | wall, s | processor, s | peak, MiB | times ours (wall) | (processor) |\n|---|---|---|---|---|---|")
    for name, (wall, cpu, peak) in medians.items():
        print(f"| {name} | {wall:.4g} | {cpu:.4g} | {peak / 2**20:.0f} | {wall / ours[0]:.3g} | {cpu / ours[1]:.3g} |")
    for name in ("micropq validate", "datum validate"):
        print(f"\n{name} found:", ", ".join(f"{what} {n}" for what, n in sorted(found[name].items())))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        print(json.dumps(make(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
