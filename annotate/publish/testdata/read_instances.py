"""Print the instances of a data set, read with pyarrow and again with Hugging Face datasets."""
import glob
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = tempfile.mkdtemp()

import datasets
import pyarrow.parquet as pq

datasets.disable_progress_bars()
files = sorted(glob.glob(os.path.join(sys.argv[1], "instances", "*.parquet")))
rows = [row for f in files for row in pq.read_table(f).to_pylist()]
again = list(datasets.load_dataset("parquet", data_files=files, split="train"))
assert rows == again, "pyarrow and datasets disagree"
order = {"section-1": 0, "volume-1": 1, "section-2": 2}
for r in sorted(rows, key=lambda r: order[r["sample_id"]]):
    print(r["sample_id"], r["array"], r["instance_id"], r["class"], r["area"], r["count_of"], len(r["rle"]))
