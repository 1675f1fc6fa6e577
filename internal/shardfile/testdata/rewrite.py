"""Rewrite a shard as other programs would.

Usage: rewrite.py IN DIR OPTIONS, where OPTIONS is a JSON list of options of
pyarrow.parquet.write_table; the files are DIR/0.parquet, DIR/1.parquet ...
"""
import json
import sys

import pyarrow.parquet as pq

source, folder, options = sys.argv[1:]
table = pq.read_table(source)
for i, o in enumerate(json.loads(options)):
    pq.write_table(table, f"{folder}/{i}.parquet", **o)
