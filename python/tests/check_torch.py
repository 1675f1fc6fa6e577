"""PyTorch's DataLoader over the pipe and from a server, with no workers and with two: killed and resumed in the middle of
an epoch it sees each item once; and the example U-Net learns.

usage: check_torch.py BINARY VOLUMES ITEMS
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
from itertools import zip_longest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [ROOT, os.path.join(ROOT, "examples")]
os.environ["MICROPQ_BINARY"] = sys.argv[1]

import torch
from torch.utils.data import DataLoader

import micropq
from micropq.torch import Batches
from serving import Running


def run(dataset, options, workers, state, log, stop, url=None):
    """Draws batches, notes items and state, and kills itself and its workers after so many batches."""
    data = Batches(dataset, server=url and micropq.connect(url), **options)
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


def two_ranks(url, dataset, options, before, after):
    """Two processes as two ranks, with other numbers of workers after they are killed: what both see, in order."""
    with tempfile.TemporaryDirectory() as folder:
        def start(workers, states, stop):
            # Processes of their own, because gRPC does not survive a fork.
            for r, state in enumerate(states):
                about = dict(dataset=dataset, options={**options, "rank": r, "world": 2}, workers=workers, state=state, log=f"{folder}/{r}", stop=stop, url=url)
                yield subprocess.Popen([sys.executable, __file__, sys.argv[1], "run", json.dumps(about)], start_new_session=True)

        def lines(r):
            with open(f"{folder}/{r}") as f:
                return [json.loads(line) for line in f]

        assert [p.wait(timeout=120) for p in list(start(before, [None, None], 3))] == [-signal.SIGKILL] * 2
        states = [lines(r)[-1]["state"] for r in range(2)]
        assert states[0] == states[1], states
        assert [p.wait(timeout=120) for p in list(start(after, states, -1))] == [0, 0]
        steps = zip_longest(lines(0), lines(1), fillvalue={"items": []})
        return [i for step in steps for rank in step for i in rank["items"]]


if __name__ == "__main__" and sys.argv[2] == "run":
    run(**json.loads(sys.argv[3]))
elif __name__ == "__main__":
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
    with Running(sys.argv[1], "volumes=" + volumes, "items=" + items) as server:
        for name, dataset, options in (("volumes", volumes, cases[0][1]), ("items", items, cases[2][1])):
            whole = killed_and_resumed(dataset, options, 0, 0)
            assert two_ranks(server.url, name, options, 0, 2) == two_ranks(server.url, name, options, 2, 0) == whole, (name, options)
            seen += 2 * len(whole)

    import unet3d

    losses = unet3d.train(volumes, steps=24, size=(16, 24, 24))
    first, last = sum(losses[:6]) / 6, sum(losses[-6:]) / 6
    assert last < first, losses
    print(json.dumps({"items": seen, "loss": [round(first, 4), round(last, 4)]}))
