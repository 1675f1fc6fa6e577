"""PyTorch's side: a data set that DataLoader takes.

::

    data = micropq.torch.Batches("fisbe/", arrays=["raw", "gt_instances"], size=(64, 64, 64), batch=2, seed=1)
    for batch in torch.utils.data.DataLoader(data, batch_size=None, num_workers=2, pin_memory=True):
        train(batch["raw"], batch["gt_instances"])
        saved = batch["state"]          # goes into the checkpoint
    data.load_state_dict(saved)         # the next iteration goes on behind that batch

``batch_size=None`` because batches are drawn whole. With workers each starts a process of its own and
makes every n-th batch; DataLoader takes them in turn, so the order is that of one process.

With ``server=micropq.connect(...)`` the batches come from a server, and data sets are its names; each worker
has a stream of its own there. Do not call the server before DataLoader forks its workers: gRPC does not survive
a fork; or give DataLoader ``multiprocessing_context="spawn"``. ::

    server = micropq.connect("grpc://127.0.0.1:8815")
    data = micropq.torch.Batches("fisbe", server=server, size=(64, 64, 64), seed=1, rank=rank, world=world)
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from ._flight import FlightStream, Server
from ._stream import Stream, stream


class Batches(IterableDataset):
    """The batches of ``micropq.stream``, or of a ``server``, as dictionaries of tensors.

    ``options`` are those of ``micropq.stream``. uint16 and uint32, which torch computes little with, come as
    int32 and int64 unless ``convert=False``. What is no array stays as it is, encoded images as bytes. A
    batch's ``state`` is a dictionary as ``load_state_dict`` takes it.
    """

    def __init__(self, *datasets: str, server: Server | None = None, convert: bool = True, **options: Any) -> None:
        super().__init__()
        self._datasets, self._options = datasets, options
        self._server, self._convert = server, convert
        self._state: Mapping[str, Any] | None = None

    def state_dict(self) -> dict[str, Any] | None:
        """The state behind the last batch that this process yielded, or the one loaded."""
        return dict(self._state) if self._state is not None else None

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Go on behind the batch whose ``state`` this is; None begins anew."""
        self._state = state

    def __iter__(self) -> Iterator[dict[str, Any]]:
        options = dict(self._options)
        info = get_worker_info()
        if info is not None:
            options |= {"worker": info.id, "workers": info.num_workers}
        with self._open(state=self._state, **options) as batches:
            for batch in batches:
                self._state = batch.state
                yield {**{name: self._tensor(batch[name]) for name in batch}, "state": dict(self._state)}

    def _open(self, **options: Any) -> Stream | FlightStream:
        if self._server is not None:
            return self._server.batches(self._datasets, **options)
        return stream(*self._datasets, **options)

    def _tensor(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            # Views cannot be sent from a worker to the process that trains.
            return [bytes(v) if isinstance(v, memoryview) else v for v in value]
        wider = {"uint16": np.int32, "uint32": np.int64}.get(value.dtype.name) if self._convert else None
        if wider is not None:
            return torch.from_numpy(value.astype(wider))
        # A view of read-only memory; torch has no such thing, so the copy is made here.
        return torch.from_numpy(value.copy())
