"""PyTorch's DataLoader over the pipe, with no workers and with two: killed and resumed in the middle of an epoch it sees
each item once; and the example U-Net learns.

usage: check_torch.py BINARY VOLUMES ITEMS
"""
import json
import os
import signal
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [ROOT, os.path.join(ROOT, "examples")]
os.environ["MICROPQ_BINARY"] = sys.argv[1]

import torch
from torch.utils.data import DataLoader

from micropq.torch import Batches


def run(dataset, options, workers, state, log, stop):
    """Draws batches, notes items and state, and kills itself and its workers after so many batches."""
    data = Batches(dataset, **options)
    data.load_state_dict(state)
    for n, batch in enumerate(DataLoader(data, batch_size=None, num_workers=workers, pin_memory=False), 1):
        assert all(isinstance(v, (torch.Tensor, list, dict)) for v in batch.values()), {k: type(v) for k, v in batch.items()}
        items = [str(v) for v in zip(batch["sample_id"], batch["position"].tolist(), batch.get("question_id", batch["position"]))]
        with open(log, "a") as f:
            f.write(json.dumps({"items": [str(i) for i in items], "state": batch["state"]}) + "\n")
        if n == stop:
            os.killpg(0, signal.SIGKILL)


def killed_and_resumed(dataset, options, before, after):
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        child = os.fork()
        if child == 0:
            os.setsid()
            run(dataset, options, before, None, log, 4)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        with open(log) as f:
            lines = [json.loads(line) for line in f]
        assert len(lines) == 4
        run(dataset, options, after, lines[-1]["state"], log, -1)
        with open(log) as f:
            return [i for line in f for i in json.loads(line)["items"]]


if __name__ == "__main__":
    volumes, items = sys.argv[2:]
    cases = [
        (volumes, dict(arrays=["raw", "gt_instances"], size=(8, 9, 10), batch=3, count=40, seed=1, foreground=0.5)),
        (volumes, dict(kind="tiles", arrays=["gt_instances"], size=(8, 8, 8), batch=3, seed=1, shuffle="buffered", instances=2, flip="X")),
        (items, dict(kind="items", question_kind="question", batch=10, seed=1, shuffle="global")),
        (items, dict(kind="items", question_kind="question", batch=10, seed=1, shuffle="global", decode=(8, 8), range=(0, 255))),
    ]
    seen = 0
    for dataset, options in cases:
        whole = killed_and_resumed(dataset, options, 0, 0)
        assert len(whole) == len(set(whole)) > 20, len(whole)
        for before, after in ((0, 2), (2, 0), (2, 2)):
            assert killed_and_resumed(dataset, options, before, after) == whole, (options, before, after)
        seen += len(whole)

    import unet3d

    losses = unet3d.train(volumes, steps=24, size=(16, 24, 24))
    first, last = sum(losses[:6]) / 6, sum(losses[-6:]) / 6
    assert last < first, losses
    print(json.dumps({"items": seen, "loss": [round(first, 4), round(last, 4)]}))
