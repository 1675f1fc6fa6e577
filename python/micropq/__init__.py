"""Stream batches out of micropq data sets, and read any region of one.

``stream`` starts the program ``micropq`` and reads its Arrow stream; ``open`` reads the format
with pyarrow and numpy alone; ``micropq.torch`` feeds PyTorch's DataLoader.
"""
from ._reader import Dataset, DamageError, open
from ._stream import Batch, Stream, StreamError, stream

__all__ = ["Batch", "DamageError", "Dataset", "Stream", "StreamError", "open", "stream"]
