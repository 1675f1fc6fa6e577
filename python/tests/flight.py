"""Draws batches from a server and compares them with the pipe's; limits, faults and ends of a server.

usage: flight.py BINARY DATASET ITEMS KEYS

DATASET has volumes, ITEMS questions about images. KEYS is a folder with cert.pem and key.pem, of localhost, and tokens, whose first line is a token.
"""
import glob
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
os.environ["MICROPQ_BINARY"] = sys.argv[1]

import numpy as np

import micropq
from serving import Running

BINARY, DATASET, ITEMS, KEYS = sys.argv[1:5]
BOTH = ("raw", "gt_instances")


def serve(*args):
    return Running(BINARY, *args)


def same(a, b):
    assert list(a) == list(b) and a.state == b.state, (list(a), a.state, list(b), b.state)
    for name in a:
        u, v = a[name], b[name]
        if isinstance(u, np.ndarray):
            assert u.dtype == v.dtype and np.array_equal(u, v), name
        else:
            assert u == v, name


def agrees(server, names, folders, **options):
    """Every batch of a server is the pipe's; the number of items."""
    items = 0
    with server.batches(names, **options) as flight, micropq.stream(*folders, **options) as pipe:
        assert flight.normalisation == pipe.normalisation
        for a, b in itertools.zip_longest(flight, pipe):
            assert a is not None and b is not None, options
            same(a, b)
            items += a.size
    return items


def refused(status, words, f):
    try:
        f()
    except micropq.ServerError as e:
        assert e.status == status and all(w in str(e) for w in words) and "debug context" not in str(e), (e.status, str(e))
        return e
    raise SystemExit(f"{words}: no error")


CROPS = dict(arrays=BOTH, size=(8, 9, 10), batch=4, count=50, seed=7, foreground=0.5)


def rank(url, rank, queue, stop_after, state):
    """One rank of two, as a process of its own."""
    with micropq.connect(url).batches("a", state=state, rank=rank, world=2, **CROPS) as batches:
        for batch in itertools.islice(batches, stop_after):
            queue.put((rank, batch.state, list(map(int, batch["position"]))))
    queue.put((rank, None, None))


def ranks(url, state, stop_after):
    """What both ranks see, each its batches in order, and the state that both are done with."""
    queue = multiprocessing.get_context("spawn").Queue()
    both = [multiprocessing.get_context("spawn").Process(target=rank, args=(url, r, queue, stop_after, state)) for r in range(2)]
    for p in both:
        p.start()
    seen, last, left = {0: [], 1: []}, {}, 2
    while left:
        r, after, positions = queue.get(timeout=60)
        if after is None:
            left -= 1
            continue
        seen[r].append(positions)
        last[r] = after
    for p in both:
        p.join(timeout=30)
        assert p.exitcode == 0
    return seen, last


def two_processes(url):
    """Killed after three steps, and taken up again: each item once, in the order of one rank."""
    first, states = ranks(url, None, 3)
    assert states[0] == states[1], states
    rest, _ = ranks(url, states[0], None)
    seen = []
    for part in (first, rest):
        for step in itertools.zip_longest(part[0], part[1], fillvalue=[]):
            seen += sum(step, [])
    assert seen == list(range(50)), seen


def killed_client(url):
    """A client that is killed while it reads disturbs no other."""
    script = f"import sys; sys.path.insert(0, {sys.path[0]!r}); import micropq\nfor b in micropq.connect({url!r}).batches('a', size=(8, 8, 8), epochs=-1, seed=1): print(b.size, flush=True)"
    victim = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert victim.stdout.readline() == b"1\n"
    with micropq.connect(url).batches("a", **CROPS) as batches:
        items = next(batches).size
        victim.kill()
        victim.wait()
        items += sum(b.size for b in batches)
    assert items == 50, items


def resident(process):
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("VmRSS"))


def slow_client():
    """Clients that do not read keep the server's memory as it is, and its streams can be limited."""
    with serve("a=" + DATASET, "--memory", "128MiB", "--max-streams", "4") as server:
        c = micropq.connect(server.url)
        begun = [c.batches("a", arrays=BOTH, size=(20, 33, 40), batch=4, epochs=-1, seed=s) for s in range(4)]
        for b in begun:
            next(b)
        time.sleep(1)
        refused("resource exhausted", ["4 streams", "--max-streams"], lambda: next(c.batches("a", size=(8, 8, 8), seed=1)))
        if os.path.exists("/proc/self/status"):
            assert resident(server.process) < 128 << 20, resident(server.process)
        for b in begun:
            b.close()
        deadline = time.monotonic() + 20
        while True:  # their streams end soon, and make room
            try:
                return next(c.batches("a", size=(8, 8, 8), seed=1))
            except micropq.ServerError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def stopped_server():
    """SIGTERM ends a stream after a whole batch; another server goes on from its state."""
    options = dict(size=(8, 8, 8), batch=2, count=100_000, seed=3)
    with serve("a=" + DATASET) as server:
        batches, seen = micropq.connect(server.url).batches("a", **options), []
        seen.extend(itertools.islice(batches, 20))
        server.process.send_signal(signal.SIGTERM)
        e = refused("unavailable", ["the server stops", '"drawing"'], lambda: seen.extend(batches))
        server.process.wait(timeout=30)
    state = seen[-1].state
    assert json.loads(str(e).split("from the state ")[1]) == state, (str(e), state)
    assert len(seen) < 50_000
    with serve("a=" + DATASET) as server:
        with micropq.connect(server.url).batches("a", state=state, **options) as batches:
            assert next(batches)["position"][0] == state["position"] == seen[-1]["position"][-1] + 1


def damaged():
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(DATASET, folder + "/d")
        shard = sorted(glob.glob(folder + "/d/chunks/train-*.parquet"))[0]
        with open(shard, "r+b") as f:
            f.seek(os.path.getsize(shard) // 2)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 1]))
        tiles = dict(kind="tiles", size=(16, 16, 16), arrays=BOTH)
        with serve(folder + "/d") as server:
            c = micropq.connect(server.url)
            assert c.datasets() == ["d"]
            e = refused("data loss", ["chunks/train-", "row", "sample", "digest"], lambda: list(c.batches("d", **tiles)))
            assert e.code == 4
            whole, part = (sum(b.size for b in s) for s in (micropq.stream(DATASET, **tiles), c.batches("d", on_error="skip", **tiles)))
            assert 0 < part < whole, (part, whole)
        assert '"msg":"skipped"' in server.log and '"code":"DataLoss"' in server.log, server.log


def kept_out():
    """TLS and tokens."""
    with open(KEYS + "/tokens") as f:
        token = f.readline().strip()
    with open(KEYS + "/cert.pem") as f:
        pem = f.read()
    tls = ("--tls-cert", KEYS + "/cert.pem", "--tls-key", KEYS + "/key.pem", "--token-file", KEYS + "/tokens")
    with serve("a=" + DATASET, "--listen", "grpc+tls://localhost:0", *tls) as server:
        url = server.url.replace("127.0.0.1", "localhost").replace("[::1]", "localhost")
        assert url.startswith("grpc+tls://localhost:"), url
        with micropq.connect(url, token=token, tls_root_certs=pem) as c:
            assert c.datasets() == ["a"]
            assert agrees(c, "a", [DATASET], **CROPS) == 50
        for wrong in (None, token[:-1], token + "x", "x" * 40):
            refused("unauthenticated", ["token"], lambda: micropq.connect(url, token=wrong, tls_root_certs=pem).datasets())
            refused("unauthenticated", ["token"], lambda: list(micropq.connect(url, token=wrong, tls_root_certs=pem).batches("a", **CROPS)))
        refused("unavailable", [], lambda: micropq.connect(url, token=token).datasets())
        refused("unavailable", [], lambda: micropq.connect(url.replace("+tls", ""), token=token).datasets())
    assert token not in server.log
    with open(KEYS + "/key.pem") as f:
        own = {"cert_chain": pem, "private_key": f.read()}
    with serve("a=" + DATASET, "--listen", "grpc+tls://localhost:0", *tls[:4], "--tls-client-ca", KEYS + "/cert.pem") as server:
        url = server.url.replace("127.0.0.1", "localhost").replace("[::1]", "localhost")
        assert micropq.connect(url, tls_root_certs=pem, **own).datasets() == ["a"]
        refused("unavailable", [], lambda: micropq.connect(url, tls_root_certs=pem).datasets())
    unix = tempfile.mkdtemp() + "/s"
    with serve("a=" + DATASET, "--listen", "grpc+unix://" + unix) as server:
        assert micropq.connect(server.url).datasets() == ["a"]


def main():
    with serve("a=" + DATASET, DATASET, "items=" + ITEMS) as server:
        c, own = micropq.connect(server.url), os.path.basename(DATASET)
        assert c.datasets() == ["a", own, "items"]
        assert c.describe("items")["rows"]["questions"] > 0
        arrays = {a["name"]: a for a in c.describe("a")["arrays"]}
        assert arrays["raw"]["axes"] == "CZYX" and arrays["gt_instances"]["role"] == "labels", arrays
        equal = agrees(c, "a", [DATASET], **CROPS)
        equal += agrees(c, "a", [DATASET], **{**CROPS, "rank": 1, "world": 3, "worker": 1, "workers": 2})
        equal += agrees(c, "a", [DATASET], kind="tiles", arrays=BOTH, size=(16, 20, 20), overlap=np.array([2, 0, 4]), batch=3, shuffle="global", seed=5, epochs=2)
        equal += agrees(c, ["a", own], [DATASET, DATASET], weight=[1, 2.5], **CROPS)
        equal += agrees(c, "a", [DATASET], range=(0, 1500), flip="ZYX", rotate=True, instances=2, **{**CROPS, "size": (8, 9, 9)})
        equal += agrees(c, "a", [DATASET], offset=7, scale=(1, 2, 3), dtype="float16", **{**CROPS, "arrays": ["raw"], "foreground": 0})
        equal += agrees(c, "items", [ITEMS], kind="items", shuffle="global", seed=2, batch=7)
        equal += agrees(c, "items", [ITEMS], kind="items", question_kind="question", decode=(20, 30), batch=5)
        two_processes(server.url)
        killed_client(server.url)

        last = next(micropq.stream(DATASET, **CROPS)).state  # a state of the pipe's
        equal += agrees(c, "a", [DATASET], state=last, **CROPS)
        refused("invalid argument", ["other options"], lambda: list(c.batches("a", state=last, **{**CROPS, "seed": 8})))
        refused("invalid argument", ["seed"], lambda: list(c.batches("a", size=(8, 8, 8))))
        try:
            c.batches("a", colour="red", **CROPS)
            raise SystemExit("an option that there is not")
        except TypeError as e:
            assert "colour" in str(e) and "foreground" in str(e), e
        refused("not found", ['"b"', "a, " + own + ", items"], lambda: list(c.batches("b", **CROPS)))
        refused("not found", ["nothing"], lambda: list(c.batches("a", arrays=["nothing"], size=(8, 8, 8), seed=1)))
        refused("resource exhausted", ["--memory"], lambda: list(c.batches("a", size=(500, 500, 500), batch=10_000, seed=1)))
    with serve("a=" + DATASET, "--max-message", "64KiB") as server:
        c = micropq.connect(server.url)
        equal += agrees(c, "a", [DATASET], **{**CROPS, "batch": 23})  # 23 items of 7 KB, in pieces
        equal += agrees(c, "a", [DATASET], kind="tiles", size=(16, 16, 16), arrays=["gt_instances"], instances=3, batch=30)
        refused("resource exhausted", ["--max-message", "an item of sample"], lambda: list(c.batches("a", size=(33, 33, 33), batch=2, seed=1)))
    slow_client()
    stopped_server()
    damaged()
    kept_out()
    print(json.dumps({"equal": equal}))


if __name__ == "__main__":
    main()
