"""Compare a converted FISBe source with the source itself, using no code of micropq.

usage: check_fisbe.py SOURCE DATASET

SOURCE is a folder or zip with <sample>.zarr groups; zarr-python reads it. DATASET is read by
pyarrow and numpy alone, and then by Hugging Face datasets, DuckDB and polars. Every check
asserts; the last line of output counts what was compared.
"""
import glob
import json
import os
import sys
import tempfile
import zipfile

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import xxhash
import zarr


def source_groups(path):
    """Yields (sample name, zarr group), unpacking a zip first."""
    if zipfile.is_zipfile(path):
        folder = tempfile.mkdtemp()
        zipfile.ZipFile(path).extractall(folder)
        path = folder
    roots = [path] if path.rstrip("/").endswith(".zarr") else glob.glob(path + "/**/*.zarr", recursive=True)
    for root in sorted(roots):
        yield os.path.basename(root.rstrip("/"))[: -len(".zarr")], zarr.open_group(root, mode="r")


def decode(row, dtype):
    """The three lines of docs/FORMAT.md."""
    import zstandard
    shape = [row["size_" + a] for a in "tczyx"]
    raw = zstandard.decompress(row["data"])
    return np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1).T.tobytes(), shape


def read_array(dataset, sample, array, shape):
    """Assembles level 0 of an array from its rows, checking every row's own claims."""
    out, seen = None, None
    table = ds.dataset(dataset + "/chunks", format="parquet").to_table(
        filter=(ds.field("sample_id") == sample) & (ds.field("array") == array) & (ds.field("level") == 0))
    for row in table.to_pylist():
        dtype = np.dtype(row["dtype"])
        if out is None:
            out, seen = np.zeros(shape, dtype), np.zeros(shape, np.uint8)
        size = [row["size_" + a] for a in "tczyx"]
        if row["data"] is None:
            data = np.full(size, row["fill"], dtype)
        else:
            assert row["encoding"] == "shuffle+zstd"
            data = np.frombuffer(decode(row, dtype)[0], dtype).reshape(size)
        assert xxhash.xxh64(data.tobytes()).intdigest() == row["digest"]
        assert (data != row["fill"]).sum() == row["foreground"]
        assert data.min() == row["min"] and data.max() == row["max"]
        if row["ids"] is not None:
            assert row["ids"] == [i for i in np.unique(data).tolist() if i], row["ids"]
        box = tuple(slice(row[a], row[a] + row["size_" + a]) for a in "czyx")
        out[box], seen[box] = data[0], seen[box] + 1
    assert (seen == 1).all(), "a voxel is in no chunk, or in several"
    return out


def instance_masks(dataset, sample, shape):
    """Decodes the runs of every instance into a (Z, Y, X) mask."""
    table = ds.dataset(dataset + "/instances", format="parquet").to_table(filter=ds.field("sample_id") == sample)
    for row in table.to_pylist():
        b = row["bbox"]
        size = [b["z1"] - b["z0"], b["y1"] - b["y0"], b["x1"] - b["x0"]]
        flat = np.repeat(np.arange(len(row["rle"])) % 2, row["rle"]).astype(bool)
        mask = np.zeros(shape, bool)
        mask[b["z0"]:b["z1"], b["y0"]:b["y1"], b["x0"]:b["x1"]] = flat.reshape(size)
        yield row, mask


def check_instances(dataset, sample, gt):
    total = (gt != 0).sum(axis=0)
    want = {(c, v) for c in range(gt.shape[0]) for v in np.unique(gt[c]).tolist() if v}
    for row, mask in instance_masks(dataset, sample, gt.shape[1:]):
        key = (row["channel"], row["label"])
        want.remove(key)
        truth = gt[key[0]] == key[1]
        assert (mask == truth).all(), key
        z, y, x = np.nonzero(truth)
        assert row["area"] == len(z)
        assert row["shared_voxels"] == (total[truth] > 1).sum()
        b = row["bbox"]
        assert [b["z0"], b["y0"], b["x0"], b["z1"], b["y1"], b["x1"]] == \
            [z.min(), y.min(), x.min(), z.max() + 1, y.max() + 1, x.max() + 1]
        c = row["centroid"]
        assert np.allclose([c["z"], c["y"], c["x"]], [z.mean(), y.mean(), x.mean()])
    assert not want, f"missing instances {want}"


def check_openers(dataset):
    """Hugging Face datasets, DuckDB and polars open what was written."""
    import datasets
    import duckdb
    import polars
    with tempfile.TemporaryDirectory() as cache:
        loaded = datasets.load_dataset(dataset, "samples", cache_dir=cache)
        for split in loaded.values():
            for row in split:
                assert row["preview"].size[0] > 1, "the preview is not an image"
    found = duckdb.sql(f"""
        select i.sample_id, i.instance_id, any_value(i.area), sum(c.foreground)
        from '{dataset}/instances/*.parquet' i join '{dataset}/chunks/*.parquet' c
          on c.sample_id = i.sample_id and c.array = i.array and c.c = i.channel and list_contains(c.ids, i.label)
        where c.level = 0 group by all""").fetchall()
    for sample, instance, area, foreground in found:
        assert area == foreground, (sample, instance, area, foreground)
    rows = polars.read_parquet(dataset + "/samples/*.parquet")
    assert rows["sample_id"].is_unique().all()
    return len(found)


def main(source, dataset):
    voxels = 0
    samples = {r["sample_id"]: r for r in ds.dataset(dataset + "/samples", format="parquet").to_table().to_pylist()}
    for name, group in source_groups(source):
        if name not in samples:
            continue
        row = samples.pop(name)
        truth = {n: group["volumes/" + n][:] for n in ("raw", "gt_instances")}
        assert row["shape"] == list(truth["raw"].shape) and row["dtype"] == truth["raw"].dtype.name
        for n, want in truth.items():
            got = read_array(dataset, name, n, want.shape)
            assert got.dtype == want.dtype and (got == want).all(), (name, n)
            voxels += want.size
        check_instances(dataset, name, truth["gt_instances"])
    assert not samples, f"samples that are not in the source: {list(samples)}"
    for shard in json.load(open(dataset + "/manifest.json"))["shards"]:
        meta = pq.ParquetFile(os.path.join(dataset, shard["path"]), page_checksum_verification=True)
        assert meta.read().num_rows == shard["rows"]
    print(json.dumps({"voxels": voxels, "instances": check_openers(dataset)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
