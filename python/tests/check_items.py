"""Streams whole items and compares them with the Arrow files they were made from, and checks the evaluation loop of the
examples against cases worked out by hand.

usage: check_items.py BINARY DATASET SOURCE
"""
import glob
import io
import json
import math
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [ROOT, os.path.join(ROOT, "examples")]
os.environ["MICROPQ_BINARY"] = sys.argv[1]

import numpy as np
import pyarrow as pa
from PIL import Image

import micropq
import vqa_eval

dataset, source = sys.argv[2:]
images, questions = {}, {}
for path in glob.glob(source + "/*.arrow"):
    for row in pa.ipc.open_stream(path).read_all().to_pylist():
        images[row["image_id"]] = row["image"]["bytes"]
        for column, kind in (("captions", "caption"), ("questions", "question")):
            for name, q in (row[column] or {}).items():
                if q is not None:
                    questions[row["image_id"], f"{column}.{name}"] = (kind, q)

seen = {}
with micropq.stream(dataset, kind="items", shuffle="global", seed=2, batch=7) as batches:
    for batch in batches:
        columns = ("sample_id", "question_id", "kind", "question", "options", "answer", "answer_index", "tags", "image")
        for sample, id, kind, question, options, answer, index, tags, image in zip(*(batch[c] for c in columns)):
            want = questions[sample, id]
            assert kind == want[0] and (question, options, answer) == tuple(want[1].get(k) for k in ("question", "options", "answer")), (sample, id)
            assert index == (None if want[1]["answer_idx"] is None else int(want[1]["answer_idx"])) and tags == want[1].get("tags"), (sample, id)
            assert bytes(image) == images[sample], (sample, id)
            assert (sample, id) not in seen
            seen[sample, id] = True
assert len(seen) == len(questions), (len(seen), len(questions))

exact = 0
options = dict(kind="items", question_kind="question", type="modality", batch=5)
mean, deviation = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
plain = micropq.stream(dataset, decode=(20, 30), **options)
floats = micropq.stream(dataset, decode=(20, 30), offset=mean, scale=deviation, seed=1, flip="X", **options)
assert plain.normalisation == [] and floats.normalisation[0]["offset"] == list(mean), floats.normalisation
for batch, normalised in zip(plain, floats, strict=True):
    assert batch["image"].dtype == np.uint8 and batch["image"].shape[1:] == (20, 30, 3)
    for image, other, flips, sample in zip(batch["image"], normalised["image"], normalised["flips"], batch["sample_id"]):
        stored = Image.open(io.BytesIO(images[sample]))
        if stored.format == "PNG" and stored.mode in ("L", "RGB"):
            want = np.asarray(stored.convert("RGB").resize((30, 20), Image.Resampling.BILINEAR)).astype(int)
            assert np.abs(want - image).max() <= 1, sample  # Pillow may take the columns first
            exact += 1
        turned = image[:, ::-1] if flips else image
        assert np.array_equal(other, ((turned - np.array(mean)) / np.array(deviation)).astype(np.float32)), sample
assert exact > 5, exact

# The official prompt and what counts as right.
choices = ["light microscopy", "electron microscopy", "none of the above"]
assert vqa_eval.prompt("What is it?", choices) == (
    "Answer with a single letter, no extra details.\nQuestion:What is it?\nA) light microscopy\nB) electron microscopy\nC) none of the above")
for reply, right in {
    "B": True, "B)": True, "B. Because": True, "Beyond doubt": True,  # the first character decides
    "The answer is B) electron microscopy.": True, "the answer is B": False, " B": False, "b": False,
    "electron microscopy": False, "A": False, "": False, "A, not B) electron microscopy": True,
}.items():
    assert vqa_eval.is_right(reply, choices, 1) == right, reply

# Boxes: IoU 1/7 and 1/3 by hand; GRIT with a pairing that is not the greedy one.
assert math.isclose(vqa_eval.iou((0, 0, 2, 2), (1, 1, 3, 3)), 1 / 7) and math.isclose(vqa_eval.iou((0, 0, 2, 1), (1, 0, 3, 1)), 1 / 3)
assert vqa_eval.iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0
a, b = (0, 0, 2, 1), (1, 0, 3, 1)
assert vqa_eval.grit([], []) == 1 and vqa_eval.grit([a], []) == 0 and vqa_eval.grit([], [a, b]) == 0
assert vqa_eval.grit([b, a], [a, b]) == 1
assert math.isclose(vqa_eval.grit([a], [b]), 1 / 3) and math.isclose(vqa_eval.grit([a], [a, b]), 1 / 2) and math.isclose(vqa_eval.grit([a, b, b], [a]), 1 / 3)
rng = np.random.default_rng(1)
from itertools import permutations

for _ in range(100):
    gain = rng.random((rng.integers(1, 5), rng.integers(1, 5)))
    rows, columns = gain.shape
    best = max(sum(g[i, j] for i, j in enumerate(p)) for g in [gain if rows <= columns else gain.T] for p in permutations(range(max(rows, columns)), min(rows, columns)))
    pairs = vqa_eval.assign(gain)
    assert len(pairs) == min(rows, columns) == len({i for i, _ in pairs}) == len({j for _, j in pairs})
    assert math.isclose(sum(gain[i, j] for i, j in pairs), best), gain

# The loop: a model that knows, and one that always says A.
answers = {}
for (sample, _), (kind, q) in questions.items():
    if kind == "question" and q["question"] and q["options"] and q["answer_idx"] is not None:
        answers[vqa_eval.prompt(q["question"], q["options"]), images[sample]] = "ABCDEFGH"[int(q["answer_idx"])]
asked = []


def knows(prompt, image):
    asked.append(1)
    return answers[prompt, bytes(image)]


scores = vqa_eval.evaluate(dataset, knows, batch=9)
assert scores and all(s.accuracy == 1 for s in scores.values()), scores
total = sum(kind == "question" and bool(q["question"] and q["options"]) and q["answer_idx"] is not None for kind, q in questions.values())
assert len(asked) == total == sum(s.total for s in scores.values()), (len(asked), total)
always = vqa_eval.evaluate(dataset, type="modality")
want = [int(q["answer_idx"]) for (_, id), (kind, q) in questions.items() if id == "questions.modality" and q["answer_idx"] is not None]
assert set(always) == {"modality"} and always["modality"] == vqa_eval.Score(sum(i == 0 for i in want), len(want)), (always, want)
assert sum(s.total for s in vqa_eval.evaluate(dataset, limit=5).values()) == 5
print(json.dumps({"items": len(seen), "decoded as Pillow does": exact, "asked": len(asked)}))
