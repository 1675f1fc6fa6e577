"""Throughput of batches through the pipe and over Flight: micropq beside pyarrow and a plain copy of memory.

usage: flight.py [--rounds N] [--seconds S] [--batch N] [--folder FOLDER]

Every batch is N crops of 3 x 128 x 128 x 128 uint16 (12.6 MB each), read by pyarrow in one process and counted
as numpy views, from the second batch on for S seconds. The rows:

  copy              numpy.copyto of a batch, from memory to memory
  pyarrow pipe      a process that writes one batch, already in memory, again and again with pyarrow.ipc
  pyarrow flight    pyarrow's own Flight server that sends that batch, already in memory, again and again
  micropq pipe      micropq stream
  micropq flight    micropq serve, with the memory of micropq stream for its one stream

micropq draws every batch anew from a data set: "filled" from one whose chunks are all fill, so that what is measured
is the transport and a filled batch, "decoded" from generated neurons with noise, chunks in the page cache. Every
row runs once a round, one after the other; medians are printed, and the processor seconds a GB of both processes.
"""
import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MICROPQ = os.path.join(REPO, "bin", "micropq")
sys.path.insert(0, os.path.join(REPO, "python"))
os.environ["MICROPQ_BINARY"] = MICROPQ
SIZE = (128, 128, 128)


def record(items):
    """A batch as micropq sends it, of noise."""
    import numpy as np
    import pyarrow as pa

    shape = (3, *SIZE)
    noise = np.random.default_rng(1).integers(0, 4000, (items, *shape), np.uint16)
    kind = pa.fixed_shape_tensor(pa.uint16(), shape, dim_names=list("CZYX"))
    storage = pa.FixedSizeListArray.from_arrays(noise.reshape(-1), int(np.prod(shape)))
    return pa.RecordBatch.from_arrays([pa.ExtensionArray.from_storage(kind, storage)], ["raw"])


def pipe_pyarrow(items):
    import pyarrow as pa

    r = record(items)
    with pa.ipc.new_stream(sys.stdout.buffer, r.schema) as out:
        while True:
            out.write_batch(r)


def serve_pyarrow(items):
    import pyarrow.flight as flight

    r = record(items)

    class Server(flight.FlightServerBase):
        def do_get(self, context, ticket):
            def forever():
                while True:
                    yield r

            return flight.GeneratorStream(r.schema, forever())

    server = Server("grpc://127.0.0.1:0")
    print(json.dumps({"listen": f"grpc://127.0.0.1:{server.port}"}), flush=True)
    server.serve()


def consume(records, seconds):
    """GB a second, from the second record batch on."""
    next(records)
    start, size = time.perf_counter(), 0
    for r in records:
        view = r.column(r.schema.get_field_index("raw")).to_numpy_ndarray()
        size += view.nbytes
        if time.perf_counter() - start > seconds:
            break
    return size / (time.perf_counter() - start) / 1e9, size


class Measured:
    """The processor seconds of this process and of those it started."""

    def __enter__(self):
        self.start = self.now()
        return self

    def __exit__(self, *_):
        self.cpu = self.now() - self.start

    @staticmethod
    def now():
        return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def own_pipe(args, seconds):
    from micropq._stream import Stream

    with contextlib.closing(Stream(args, None)) as batches:
        return consume((b._record for b in batches), seconds)


def pyarrow_pipe(args, seconds):
    import pyarrow as pa

    p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        return consume(iter(pa.ipc.open_stream(p.stdout)), seconds)
    finally:
        p.stdout.close()
        p.kill()
        p.wait()


def own_flight(args, ticket, seconds):
    import pyarrow.flight as flight

    p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        with flight.connect(json.loads(p.stdout.readline())["listen"]) as c:
            reader = c.do_get(flight.Ticket(ticket))
            out = consume((chunk.data for chunk in reader), seconds)
            reader.cancel()
            return out
    finally:
        p.kill()
        p.wait()


def copy(items, seconds):
    import numpy as np

    a = np.ones((items, 3, *SIZE), np.uint16)
    b = np.zeros_like(a)
    start, size = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        np.copyto(b, a)
        size += a.nbytes
    return size / (time.perf_counter() - start) / 1e9, size


def data_sets(folder):
    """Converts a generated sample, as it is and with nothing in it."""
    import zarr

    made = {kind: os.path.join(folder, kind) for kind in ("decoded", "filled")}
    if all(os.path.exists(os.path.join(d, "manifest.json")) for d in made.values()):
        return made
    source = os.path.join(folder, "source")
    shutil.rmtree(source, ignore_errors=True)
    subprocess.run(["go", "run", "./testdata/gen", "fisbe", "-o", source, "-samples", "1", "-shape", "3,256,384,384", "-neurons", "8", "-seed", "1"], cwd=REPO, check=True, stdout=subprocess.DEVNULL)
    for kind, dst in made.items():
        if kind == "filled":
            for path, folders, _ in os.walk(source):
                for f in folders:
                    if f.endswith(".zarr"):
                        zarr.open_array(os.path.join(path, f, "volumes", "raw"), mode="r+")[:] = 0
        shutil.rmtree(dst, ignore_errors=True)
        subprocess.run([MICROPQ, "convert", "fisbe", "--progress", "none", source, dst], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(source)
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--folder", default=os.path.join(REPO, "build", "bench", "flight"))
    o = parser.parse_args()
    os.makedirs(o.folder, exist_ok=True)
    made, batch = data_sets(o.folder), str(o.batch)
    rows = {
        "copy": lambda: copy(o.batch, o.seconds),
        "pyarrow pipe": lambda: pyarrow_pipe([sys.executable, __file__, "pipe-pyarrow", batch], o.seconds),
        "pyarrow flight": lambda: own_flight([sys.executable, __file__, "serve-pyarrow", batch], b"", o.seconds),
    }
    for kind, dst in made.items():
        options = {"array": ["raw"], "size": SIZE, "batch": o.batch, "seed": 1, "epochs": -1}
        ticket = json.dumps({"version": 1, "datasets": [{"name": kind}], "options": options}).encode()
        size = ",".join(map(str, SIZE))
        pipe = [MICROPQ, "stream", dst, "--size", size, "--batch", batch, "--seed", "1", "--epochs", "-1"]
        rows[f"micropq pipe, {kind}"] = lambda pipe=pipe: own_pipe(pipe, o.seconds)
        serve = [MICROPQ, "serve", dst, "--listen", "grpc://127.0.0.1:0", "--json", "--quiet", "--memory", "1GiB", "--max-streams", "1"]
        rows[f"micropq flight, {kind}"] = lambda serve=serve, ticket=ticket: own_flight(serve, ticket, o.seconds)
    results = {name: [] for name in rows}
    for _ in range(o.rounds):
        for name, f in rows.items():
            with Measured() as m:
                speed, size = f()
            results[name].append((speed, m.cpu / size * 1e9))
    for name, r in results.items():
        print(f"{name:24} {statistics.median(s for s, _ in r):6.2f} GB/s   {statistics.median(c for _, c in r):5.2f} processor s/GB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["pipe-pyarrow"]:
        pipe_pyarrow(int(sys.argv[2]))
    elif sys.argv[1:2] == ["serve-pyarrow"]:
        serve_pyarrow(int(sys.argv[2]))
    else:
        main()
