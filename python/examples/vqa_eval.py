"""Ask a model the multiple-choice questions of mu-Bench, and score its replies.

    python vqa_eval.py ubench/ [--type modality] [--limit 1000] [--batch 32]

A model is a function of a prompt and an encoded image (PNG, JPEG or TIFF) that gives a reply in words. The one
here answers A whatever is asked; give your own to ``evaluate``::

    import vqa_eval
    vqa_eval.evaluate("ubench/", lambda prompt, image: my_model(prompt, PIL.Image.open(io.BytesIO(image))))

Prompt and scoring are those of mu-Bench (Lozano et al., NeurIPS 2024 Datasets and Benchmarks, arXiv 2407.01791).
"""
from __future__ import annotations

import argparse
import string
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import micropq

#: a function of a prompt and an encoded image, None for a sample without one, that gives a reply
Model = Callable[[str, "memoryview | None"], str]


def lettered(options: Sequence[str]) -> list[str]:
    """The options as a model sees them: ``A) ...``, ``B) ...``."""
    if len(options) > len(string.ascii_uppercase):
        raise ValueError(f"{len(options)} options: there are {len(string.ascii_uppercase)} letters")
    return [f"{letter}) {option}" for letter, option in zip(string.ascii_uppercase, options)]


def prompt(question: str, options: Sequence[str]) -> str:
    """The prompt for a question."""
    return "\n".join(["Answer with a single letter, no extra details.", "Question:" + question, *lettered(options)])


def is_right(reply: str, options: Sequence[str], answer_index: int) -> bool:
    """Whether a reply is right: it holds the right option with its letter, or begins with that letter."""
    right = lettered(options)[answer_index]
    return right in reply or reply[:1] == right[0]


def first_option(prompt: str, image: memoryview | None) -> str:
    """The baseline: A."""
    return "A"


@dataclass
class Score:
    """Right answers out of so many."""

    right: int = 0
    total: int = 0

    @property
    def accuracy(self) -> float:
        return self.right / self.total if self.total else float("nan")


def evaluate(dataset: str, model: Model = first_option, limit: int | None = None, **options) -> dict[str, Score]:
    """The score of a model for every type of question.

    ``options`` are those of ``micropq.stream``, such as ``type="modality"``. Questions whose text, options or answer is
    missing in the source cannot be asked and are left out.
    """
    scores: dict[str, Score] = {}
    asked = 0
    with micropq.stream(dataset, kind="items", question_kind="question", **options) as batches:
        for batch in batches:
            for image, type, question, choices, right in zip(*(batch[c] for c in ("image", "type", "question", "options", "answer_index"))):
                if question is None or not choices or right is None:
                    continue
                if asked == limit:
                    return scores
                score = scores.setdefault(type or "", Score())
                score.right += is_right(model(prompt(question, choices), image), choices, right)
                score.total += 1
                asked += 1
    return scores


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    both = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / either if either > 0 else 0.0


def grit(predicted: Sequence[Sequence[float]], truth: Sequence[Sequence[float]]) -> float:
    """The localisation score of GRIT (Gupta et al., arXiv 2204.13653) for boxes (x0, y0, x1, y1).

    Boxes are paired so that the sum of their IoUs is largest; that sum is divided by the number of predictions and
    of true boxes that have no pair. 1 is best; it is 1 where there is nothing to find and nothing was found.
    """
    if not predicted and not truth:
        return 1.0
    overlap = np.array([[iou(p, t) for t in truth] for p in predicted]).reshape(len(predicted), len(truth))
    pairs = assign(overlap)
    missed = len(truth) - len(pairs)
    return float(sum(overlap[i, j] for i, j in pairs)) / (len(predicted) + missed)


def assign(gain: np.ndarray) -> list[tuple[int, int]]:
    """Rows and columns in pairs, as many as there can be, with the largest sum of gains.

    The Hungarian method with potentials and shortest augmenting paths (Jonker and Volgenant, Computing 38, 1987).
    """
    rows, columns = gain.shape
    if rows > columns:
        return [(i, j) for j, i in assign(gain.T)]
    u, v = np.zeros(rows + 1), np.zeros(columns + 1)
    row_of = np.zeros(columns + 1, int)  # from 1; 0 for none
    for row in range(1, rows + 1):
        row_of[0], column = row, 0
        least, came, done = np.full(columns + 1, np.inf), np.zeros(columns + 1, int), np.zeros(columns + 1, bool)
        while row_of[column]:
            done[column] = True
            slack = -gain[row_of[column] - 1] - u[row_of[column]] - v[1:]
            closer = ~done[1:] & (slack < least[1:])
            least[1:][closer], came[1:][closer] = slack[closer], column
            nearest = int(np.where(done, np.inf, least).argmin())
            step = least[nearest]
            u[row_of[done]] += step
            v[done] -= step
            least[~done] -= step
            column = nearest
        while column:
            row_of[column], column = row_of[came[column]], came[column]
    return sorted((int(row_of[j]) - 1, j - 1) for j in range(1, columns + 1) if row_of[j])


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dataset")
    p.add_argument("--type", help="only questions that ask for this")
    p.add_argument("--limit", type=int, help="ask so many at most")
    p.add_argument("--batch", type=int, default=32)
    a = p.parse_args()
    scores = evaluate(a.dataset, type=a.type, limit=a.limit, batch=a.batch)
    if not scores:
        sys.exit("no question could be asked")
    for type, score in sorted(scores.items()):
        print(f"{type:20} {score.right:6} of {score.total:6}  {score.accuracy:.3f}")
    right, total = sum(s.right for s in scores.values()), sum(s.total for s in scores.values())
    print(f"{'all':20} {right:6} of {total:6}  {right / total:.3f}")


if __name__ == "__main__":
    main()
