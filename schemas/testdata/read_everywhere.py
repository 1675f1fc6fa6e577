"""Reads DIR/rows.parquet with pyarrow, datasets, polars and DuckDB and compares schema and
values with DIR/expected.json. bare.parquet is the same without metadata: what pyarrow makes
of the Parquet schema alone."""

import base64
import datetime
import io
import json
import pathlib
import struct
import sys

import datasets
import duckdb
import PIL.Image
import polars
import pyarrow
import pyarrow.parquet as pq

datasets.disable_progress_bars()
folder = pathlib.Path(sys.argv[1])
rows_file = str(folder / "rows.parquet")
spec = json.loads((folder / "expected.json").read_text())
columns = spec["columns"]

SCALARS = {
    "bool": pyarrow.bool_(), "int32": pyarrow.int32(), "int64": pyarrow.int64(), "uint64": pyarrow.uint64(),
    "float32": pyarrow.float32(), "float64": pyarrow.float64(), "string": pyarrow.string(),
    "binary": pyarrow.binary(), "date": pyarrow.date32(),
}


def arrow_field(column, name=None):
    """The Arrow field that a column is meant to be."""
    kind = column["type"]
    if kind == "list":
        arrow_type = pyarrow.list_(arrow_field(column["elem"], "element"))
    elif kind == "struct":
        arrow_type = pyarrow.struct([arrow_field(field) for field in column["fields"]])
    else:
        arrow_type = SCALARS[kind]
    return pyarrow.field(name or column["name"], arrow_type, nullable=column["nullable"])


def readable(value, column):
    """A value as expected.json has it."""
    if value is None:
        return None
    kind = column["type"]
    if kind == "list":
        return [readable(v, column["elem"]) for v in value]
    if kind == "struct":
        return {f["name"]: readable(value[f["name"]], f) for f in column["fields"]}
    if kind == "binary":
        return bytes(value).hex()
    if kind in ("float32", "float64"):
        return "nan" if value != value else f"{struct.unpack('<Q', struct.pack('<d', value))[0]:x}"
    if kind == "date":
        return (value - datetime.date(1970, 1, 1)).days
    return value


expected = [{c["name"]: row[c["name"]] for c in columns} for row in spec["rows"]]  # in column order


def compare(reader, rows):
    rows = list(rows)
    assert len(rows) == len(expected), f"{reader}: {len(rows)} rows, want {len(expected)}"
    for i, (row, want) in enumerate(zip(rows, expected)):
        assert list(row) == list(want), f"{reader}: columns {list(row)}, want {list(want)}"
        for column in columns:
            name = column["name"]
            got = readable(row[name], column)
            assert got == want[name], f"{reader}: row {i}, {name}: {got!r}, want {want[name]!r}"


# pyarrow: the schema that the table means, whether it is told (ARROW:schema) or not.
stored = pq.read_metadata(rows_file).metadata
intended = pyarrow.schema([arrow_field(c) for c in columns])
for what, schema in {
    "with metadata": pq.read_schema(rows_file),
    "without": pq.read_schema(folder / "bare.parquet"),
    "ARROW:schema": pyarrow.ipc.read_schema(pyarrow.py_buffer(base64.b64decode(stored[b"ARROW:schema"]))),
}.items():
    assert schema.remove_metadata().equals(intended, check_metadata=True), f"{what}:\n{schema}\nwant\n{intended}"
    assert str(schema.remove_metadata()) == str(intended), f"{what}:\n{schema}\nwant\n{intended}"
metadata = pq.read_schema(rows_file).metadata
# pyarrow shows the metadata of ARROW:schema, others that of the file: both are there.
assert metadata == {k: stored[k] for k in (b"huggingface", b"micropq")}, metadata
compare("pyarrow", pq.read_table(rows_file).to_pylist())

# datasets: its features are those that are written, images are pictures.
dataset = datasets.load_dataset("parquet", data_files=rows_file, split="train", cache_dir=str(folder / "cache"))
written = datasets.Features.from_dict(json.loads(metadata[b"huggingface"])["info"]["features"])
assert dataset.features == written, f"{dataset.features}\nwant\n{written}"
images = [c["name"] for c in columns if c.get("feature") == "image"]
classes = {c["name"]: c["classes"] for c in columns if c.get("classes")}
for name in images:
    assert dataset.features[name] == datasets.Image(), dataset.features[name]
    for picture, want in zip(dataset[name], expected):
        if want[name] is not None:
            size = PIL.Image.open(io.BytesIO(bytes.fromhex(want[name]["bytes"]))).size
            assert isinstance(picture, PIL.Image.Image) and picture.size == size, picture
        else:
            assert picture is None
    dataset = dataset.cast_column(name, datasets.Image(decode=False))
for name, names in classes.items():
    assert dataset.features[name].names == names
compare("datasets", dataset)

compare("polars", polars.read_parquet(rows_file).iter_rows(named=True))

result = duckdb.sql(f"SELECT * FROM read_parquet('{rows_file}')")
compare("duckdb", (dict(zip(result.columns, row)) for row in result.fetchall()))

print(f"pyarrow datasets polars duckdb: {len(expected)} rows equal")
