"""Rewrite a shard as another program would.

Usage: rewrite.py IN OUT JSON-OPTIONS (of pyarrow.parquet.write_table)
"""
import json
import sys

import pyarrow.parquet as pq

source, target, options = sys.argv[1:]
pq.write_table(pq.read_table(source), target, **json.loads(options))
