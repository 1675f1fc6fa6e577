"""Stream batches out of micropq data sets, and read any region of one.

``stream`` starts the program ``micropq`` and reads its Arrow stream; ``connect`` asks a server for
the same batches; ``open`` reads the format with pyarrow and numpy alone; ``micropq.torch`` feeds
PyTorch's DataLoader.
"""
from ._flight import FlightStream, Server, ServerError, connect
from ._reader import Dataset, DamageError, open
from ._stream import Batch, Stream, StreamError, stream

__all__ = ["Batch", "DamageError", "Dataset", "FlightStream", "Server", "ServerError", "Stream", "StreamError", "connect", "open", "stream"]
