"""Says whether data sets hold the same rows, wherever in the source they stood: equal.py A B..."""

import sys

import polars as pl

KEYS = ("sample_id", "question_id", "array", "instance_id")


def table(dataset, name):
    t = pl.read_parquet(f"{dataset}/{name}/*.parquet")
    if name == "samples":
        t = t.drop("source")
    return t.sort([k for k in KEYS if k in t.columns])


for other in sys.argv[2:]:
    for name in ("samples", "questions", "instances"):
        a, b = table(sys.argv[1], name), table(other, name)
        assert a.schema == b.schema, (other, name, a.schema, b.schema)
        different = [c for c in a.columns if not a[c].equals(b[c], null_equal=True)]
        assert len(a) > 0 and not different, (other, name, different)
