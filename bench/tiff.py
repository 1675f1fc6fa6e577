"""Decoding the real masks: micropq beside tifffile with imagecodecs, libdeflate and libtiff.

usage: tiff.py [--rounds N] [--samples FOLDER]

Every program runs once a round, one after the other, so that what else the machine does
meets all of them; medians are compared. Times are of decoding alone: from the open file to
the last row for micropq (BenchmarkBands, one iteration) and tifffile, of the call alone for
imagecodecs.deflate_decode; tiffcp is timed as a process that writes an uncompressed file.
"reused" decodes into memory that was used before, so that no page of it is new to the process;
"the strip alone" is micropq's part of that work, and "and byte order" does what else micropq
does: the strip is big-endian and elements are wanted as the machine has them.
Processor time is that of both cores together, for micropq and tiffcp of the whole process.
Memory is the peak of the process (getrusage), for Python less that of one that only imports.
"""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@contextlib.contextmanager
def timed():
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


def child(what, path):
    """Runs one decode and prints its seconds, of the clock and of the processor."""
    import imagecodecs
    import numpy as np
    import tifffile

    if what == "import":
        print(json.dumps([0, 0]))
        return
    if what == "tifffile":
        with timed(), tifffile.TiffFile(path) as f:
            f.pages[0].asarray()
        return
    with tifffile.TiffFile(path) as f:
        page = f.pages[0]
        f.filehandle.seek(page.dataoffsets[0])
        data = f.filehandle.read(page.databytecounts[0])
        size = page.nbytes
    if what == "libdeflate":
        with timed():
            imagecodecs.deflate_decode(data)
        return
    out = np.ones(size, "u1")
    with timed():
        imagecodecs.deflate_decode(data, out=out)
        if what == "turned":
            out.view(page.dtype).byteswap(inplace=True)


def run(args):
    """Runs a program; returns its output, its seconds of the clock and of the processor, and its peak memory in MiB."""
    t = time.perf_counter()
    p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=os.path.join(REPO, "internal", "tiffio"))
    text = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        raise SystemExit(f"{args} failed")
    return text, time.perf_counter() - t, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def go(binary, which):
    text, _, cpu, memory = run([binary, "-test.run", "^$", "-test.bench", f"^{which}$", "-test.benchtime", "1x"])
    line = next(l for l in text.decode().splitlines() if l.startswith("Benchmark"))
    return float(line.split("ns/op")[0].split()[-1]) / 1e9, cpu, memory


def python(what, path):
    text, _, _, memory = run([sys.executable, os.path.abspath(__file__), "--child", what, path])
    return *json.loads(text), memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", default=os.environ.get("MICROPQ_SAMPLES", os.path.join(REPO, "..", "shared", "samples")))
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    files = {"deflate": "S60_groundtruth.tiff", "lzw": "S60_second_annotation.tiff"}
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "tiffio.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "./internal/tiffio"], cwd=REPO, check=True, env={**os.environ, "CGO_ENABLED": "0"})
        base = statistics.median(python("import", "-")[2] for _ in range(3))
        for kind, name in files.items():
            path = os.path.abspath(os.path.join(options.samples, "nclsm", name))
            runs = {"micropq": lambda: go(binary, f"BenchmarkBands$/^{kind}"),
                    "micropq, to one array": lambda: go(binary, f"BenchmarkWhole$/^{kind}"),
                    "tifffile + imagecodecs": lambda: python("tifffile", path)}
            if kind == "deflate":
                runs["micropq, the strip alone"] = lambda: go(binary, "BenchmarkStrip")
                runs["imagecodecs.deflate_decode"] = lambda: python("libdeflate", path)
                runs["imagecodecs.deflate_decode, reused"] = lambda: python("reused", path)
                runs["imagecodecs, reused, and byte order"] = lambda: python("turned", path)
            if shutil.which("tiffcp"):
                def tiffcp():
                    return run(["tiffcp", "-c", "none", path, os.path.join(folder, "out.tif")])[1:]
                runs["tiffcp -c none"] = tiffcp
            results = {k: [] for k in runs}
            for _ in range(options.rounds):
                for k, f in runs.items():
                    results[k].append(f())
            ours = [statistics.median(x) for x in zip(*results["micropq"])]
            print(f"{name}, medians of {options.rounds} rounds")
            for k, r in results.items():
                seconds, cpu, memory = (statistics.median(x) for x in zip(*r))
                if k.startswith(("tifffile", "imagecodecs")):
                    memory -= base
                print(f"  {k:36} {seconds * 1e3:6.0f} ms, processor {cpu * 1e3:6.0f} ms, {memory:5.0f} MiB; micropq takes "
                      f"{ours[0] / seconds:5.2f} of the time, {ours[1] / cpu:5.2f} of the processor, {ours[2] / memory:5.2f} of the memory")


main()
