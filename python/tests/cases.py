"""Random boxes of a FISBe release, and what numpy makes of them by slicing the source.

    cases.py boxes RELEASE FOLDER COUNT           boxes.json and boxes.bin, for a reader in another language
    cases.py reader DATASET RELEASE COUNT         asks micropq.open for regions
    cases.py stream BINARY DATASET RELEASE COUNT  asks micropq.stream for batches
    cases.py flight BINARY DATASET RELEASE COUNT  asks micropq.connect for batches, of which some come in pieces

The labels of the release hold the ids of its neurons, one channel each, which may overlap. The same seed
gives the same cases.
"""
import functools
import glob
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

import numpy as np
import zarr

RAW, LABELS = "raw", "gt_instances"


class Source:
    """The arrays of a release, whole, at any level of the pyramid that docs/FORMAT.md defines."""

    def __init__(self, release):
        paths = sorted(glob.glob(release + "/*/*/*.zarr"))
        self.samples = [os.path.basename(p)[: -len(".zarr")] for p in paths]
        self._paths = dict(zip(self.samples, paths))

    @functools.cache
    def array(self, sample, name, level=0):
        """CZYX."""
        whole = zarr.open_group(self._paths[sample], mode="r")["volumes/" + name][:]
        return whole if level == 0 else (mode if name == LABELS else mean)(whole, 2**level)

    @functools.cache
    def merged(self, sample, level=0):
        """Labels without C: where neurons overlap the highest id."""
        return self.array(sample, LABELS, level).max(axis=0).astype(np.int32)

    def box(self, sample, name, origin, size, level=0):
        """A box as batches hold it: merged labels, 0 past the end of the array."""
        whole = self.merged(sample, level) if name == LABELS else self.array(sample, name, level)
        out = np.zeros((*whole.shape[:-3], *size), whole.dtype)
        part = whole[(..., *(slice(o, o + n) for o, n in zip(origin, size)))]
        out[(..., *(slice(n) for n in part.shape[-3:]))] = part
        return out

    def masks(self, sample, origin, size, level=0):
        """Masks of all neurons in a box, in the order of their ids, and the ids."""
        whole = self.array(sample, LABELS, level)
        part = whole[(slice(None), *(slice(o, o + n) for o, n in zip(origin, size)))]
        ids = [int(i) for i in np.unique(self.array(sample, LABELS)) if i]
        return np.array([(part == i).any(axis=0) for i in ids]), ids


def boxes_of(array, n):
    """The voxels of each n**3 box, along a new last axis, those past the end masked out."""
    pad = [(0, 0), *((0, -s % n) for s in array.shape[1:])]
    inside = np.pad(np.ones(array.shape, bool), pad)
    shape = [array.shape[0], *(v for s in inside.shape[1:] for v in (s // n, n))]
    split = lambda a: a.reshape(shape).transpose(0, 1, 3, 5, 2, 4, 6).reshape(*(shape[i] for i in (0, 1, 3, 5)), n**3)
    return split(np.pad(array, pad)), split(inside)


def mean(array, n):
    """Means, halves rounded up."""
    voxels, inside = boxes_of(array, n)
    total, count = voxels.astype(np.int64).sum(axis=-1), inside.sum(axis=-1)
    return ((2 * total + count) // (2 * count)).astype(array.dtype)


def mode(array, n):
    """The most frequent label other than 0, the smallest among equals, 0 where there is none."""
    voxels, _ = boxes_of(array, n)
    out = np.zeros(voxels.shape[:-1], array.dtype)
    most = np.zeros(out.shape, np.int64)
    for label in np.unique(array):
        if label:
            count = (voxels == label).sum(axis=-1)
            out[count > most] = label
            most = np.maximum(most, count)
    return out


def extents(rng, shape):
    """The size of a box: small, cut by the border, or larger than the volume."""
    kind = rng.random()
    limit = [3 if kind < 0.2 else n + n // 2 if kind > 0.9 else n // 2 for n in shape]
    return [rng.randint(1, max(1, n)) for n in limit]


def boxes(source, count, levels, seed=1):
    """Random boxes: sample, array, origin, size, level. They begin inside the volume."""
    rng = random.Random(seed)
    for _ in range(count):
        sample, name, level = rng.choice(source.samples), rng.choice([RAW, LABELS]), rng.randrange(levels)
        shape = source.merged(sample, level).shape
        yield sample, name, [rng.randrange(n) for n in shape], extents(rng, shape), level


def draws(source, count, levels, seed=2, step=250):
    """Options for drawing count items in all, by every kind, size, level and order."""
    rng = random.Random(seed)
    while count > 0:
        n, level = min(step, count), rng.randrange(levels)
        size = extents(rng, source.merged(source.samples[0], level).shape)
        options = dict(arrays=rng.sample([RAW, LABELS], rng.randint(1, 2)), size=size, level=level, batch=rng.randint(1, 9), seed=rng.randrange(1 << 32))
        if rng.random() < 0.4:
            options["instances"] = rng.randint(1, 6)
        if rng.random() < 0.6:
            options |= dict(kind="crops", count=n, foreground=rng.choice([0, 0.5]), labels=LABELS)
        else:
            options |= dict(kind="tiles", overlap=[rng.randrange(s) // 2 for s in size], shuffle=rng.choice(["none", "global", "buffered"]), shuffle_buffer=64)
        count -= n
        yield n, options


def check_batches(source, batches, options, limit):
    """Compares at most limit items of batches with the source, and returns how many."""
    seen = 0
    for batch in batches:
        for i, (sample, origin) in enumerate(zip(batch["sample_id"], batch["origin"])):
            for name in options["arrays"]:
                if name == LABELS and "instances" in options:
                    check_masks(source, batch, i, sample, origin, options)
                    continue
                want = source.box(sample, name, origin, options["size"], options["level"])
                assert batch[name].dtype == want.dtype and np.array_equal(batch[name][i], want), (sample, name, list(origin), options)
            seen += 1
        if seen >= limit:
            break
    return seen


def check_masks(source, batch, i, sample, origin, options):
    """Masks of the neurons with the most voxels in the box, of equal ones the lower id first; 0 past the end."""
    masks, ids = source.masks(sample, origin, options["size"], options["level"])
    most = sorted((k for k in range(len(ids)) if masks[k].any()), key=lambda k: (-masks[k].sum(), ids[k]))[: options["instances"]]
    want, named = np.zeros((options["instances"], *options["size"]), np.uint8), np.zeros(options["instances"], np.int64)
    for slot, k in enumerate(most):
        want[(slot, *(slice(n) for n in masks[k].shape))] = masks[k]
        named[slot] = ids[k]
    assert np.array_equal(batch[LABELS + "_ids"][i], named) and np.array_equal(batch[LABELS][i], want), (sample, list(origin), options)


def write_boxes(release, folder, count):
    """Answers for a reader in another language: the box, and of labels the masks behind it."""
    source, listed, offset, overlaps = Source(release), [], 0, 0
    with open(folder + "/boxes.bin", "wb") as out:
        for sample, name, origin, size, level in boxes(source, int(count), 3):
            parts, ids = [source.box(sample, name, origin, size, level)], []
            if name == LABELS:
                masks, ids = source.masks(sample, origin, size, level)
                parts.append(masks)
                overlaps += int((masks.sum(axis=0) > 1).sum())
            data = b"".join(np.ascontiguousarray(p).tobytes() for p in parts)
            listed.append(dict(sample=sample, array=name, origin=origin, size=size, level=level, ids=ids, offset=offset, box=parts[0].nbytes, bytes=len(data)))
            offset += out.write(data)
    assert overlaps > 0, "no box holds neurons that overlap"
    with open(folder + "/boxes.json", "w") as out:
        json.dump(listed, out)


def check_reader(dataset, release, count):
    """Regions through the pure Python reader: of labels every channel, that is every mask."""
    import micropq

    source, data = Source(release), micropq.open(dataset)
    for sample, name, origin, size, level in boxes(source, int(count), 3):
        region = (slice(None), *(slice(o, o + n) for o, n in zip(origin, size)))
        got = data.read_region(sample, name, region, level)
        want = source.array(sample, name, level)[region]
        assert got.dtype == want.dtype and np.array_equal(got, want), (sample, name, origin, size, level)
    print(count, "regions")


def check_draws(source, count, draw):
    """Batches that draw gives for options."""
    seen = 0
    while seen < int(count):  # tiles may be fewer than were asked for
        for n, options in draws(source, int(count) - seen, 3, seed=seen):
            with draw(**options) as batches:
                seen += check_batches(source, batches, options, n)
    print(seen, "items")


def check_stream(binary, dataset, release, count):
    """Batches through the pipe."""
    os.environ["MICROPQ_BINARY"] = binary
    import micropq

    check_draws(Source(release), count, functools.partial(micropq.stream, dataset))


def check_flight(binary, dataset, release, count):
    """Batches from a server."""
    import micropq
    from serving import Running

    with Running(binary, "cases=" + dataset, "--quiet", "--max-message", "3MiB") as server, micropq.connect(server.url) as c:
        check_draws(Source(release), count, functools.partial(c.batches, "cases"))


if __name__ == "__main__":
    {"boxes": write_boxes, "reader": check_reader, "stream": check_stream, "flight": check_flight}[sys.argv[1]](*sys.argv[2:])
