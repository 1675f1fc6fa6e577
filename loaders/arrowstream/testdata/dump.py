"""Reads an Arrow IPC stream with pyarrow alone.

usage: dump.py STREAM OUT

Writes the elements of every tensor, batch after batch, to OUT/<column>.bin, and prints what the
columns are and what stands beside the tensors, as JSON.
"""
import json
import os
import sys

import numpy as np
import pyarrow as pa

stream, out = sys.argv[1:]
reader = pa.ipc.open_stream(stream)
columns, rows = {}, []
for field in reader.schema:
    if isinstance(field.type, pa.FixedShapeTensorType):
        columns[field.name] = {"dtype": str(field.type.value_type), "shape": field.type.shape, "dims": field.type.dim_names}
for batch in reader:
    for name in columns:
        tensor = batch[name].to_numpy_ndarray()
        storage = np.frombuffer(batch[name].storage.values.buffers()[1], tensor.dtype)
        assert np.shares_memory(tensor, storage), "the tensor is a copy"
        with open(os.path.join(out, name + ".bin"), "ab") as f:
            f.write(tensor.tobytes())
    rest = [c for c in batch.schema.names if c not in columns]
    rows.extend(batch.select(rest).to_pylist())
json.dump({"columns": columns, "rows": rows}, sys.stdout)
