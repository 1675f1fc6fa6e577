"""Loads every table and split of a data set by its card, and runs the examples in it."""

import json
import pathlib
import re
import sys

import datasets
import numpy as np
import PIL.Image
import pyarrow.parquet as pq
from huggingface_hub import DatasetCard

root = pathlib.Path(sys.argv[1])
manifest = json.loads((root / "manifest.json").read_text())
want = {}
for s in manifest["shards"]:
    key = s["table"], s["split"]
    want[key] = want.get(key, 0) + s["rows"]
want = {k: n for k, n in want.items() if n}  # datasets refuses a split without rows

card = DatasetCard.load(root / "README.md")
assert card.data.license == "cc-by-4.0", card.data.license
assert card.data.pretty_name == manifest["source"]["title"], card.data.pretty_name
assert card.data.size_categories == ["n<1K"], card.data.size_categories
assert card.data.tags == ["microscopy", "biology: 3-D"], card.data.tags

# What the card says of columns and sizes is what is there.
infos = datasets.info.DatasetInfosDict.from_dataset_card_data(card.data)
for (table, split), rows in want.items():
    shard = next(s["path"] for s in manifest["shards"] if s["table"] == table and s["split"] == split and s["rows"])
    own = datasets.Features.from_arrow_schema(pq.read_schema(root / shard))
    assert infos[table].features == own, (table, infos[table].features, own)
    assert infos[table].splits[split].num_examples == rows

names = datasets.get_dataset_config_names(str(root))
assert sorted(names) == sorted({t for t, _ in want}), names
for (table, split), rows in want.items():
    ds = datasets.load_dataset(str(root), table, split=split)
    assert len(ds) == rows, (table, split, len(ds))
    list(ds)
for table in names:
    splits = {k: len(v) for k, v in datasets.load_dataset(str(root), table).items()}
    assert splits == {s: n for (t, s), n in want.items() if t == table}, splits

default = datasets.load_dataset(str(root), split="train")
preview = default[0]["preview"]
assert isinstance(preview, PIL.Image.Image) and preview.size == (7, 5), preview
assert default.features["label"].names == ["monocyte", "platelet"]

examples = re.findall(r"```python\n(.*?)```", card.text, re.S)
assert len(examples) == 2, examples
out = {"DATASET": str(root)}
for example in examples:
    exec(example, out)
assert out["rows"].column_names[0] == "sample_id" and len(out["rows"]) == 1
assert out["chunk"].shape == (1, 1, 2, 3) and out["chunk"].dtype == np.uint16
assert np.array_equal(out["chunk"].ravel(), np.arange(1000, 1006)), out["chunk"]
print("ok")
