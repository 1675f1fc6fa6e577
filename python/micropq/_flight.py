"""Batches from a ``micropq serve`` process, over Arrow Flight."""
from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ._stream import Batch, StreamError, flag_name, stream

_T = TypeVar("_T")

#: the version of requests that this client writes
VERSION = 1

#: exit codes of the program for codes of gRPC
_CODES = {"invalid argument": 2, "unauthenticated": 2, "data loss": 4}


class ServerError(StreamError):
    """A call of a server failed; the server's words are the message."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message, _CODES.get(status, 3))
        #: code of gRPC in small letters, such as ``"not found"``, ``"unavailable"`` or ``"data loss"``
        self.status = status


class Server:
    """A server of data sets: what ``connect`` returns.

    It connects with the first call, in each process anew, so it can be handed to DataLoader's workers.
    """

    def __init__(self, url: str, token: str | None, client_options: Mapping[str, Any]) -> None:
        self.url = url
        self._token, self._client_options = token, dict(client_options)
        self._client: Any = None
        self._pid: int | None = None

    def datasets(self) -> list[str]:
        """The names of the data sets."""
        return [info.descriptor.path[0].decode() for info in _call(lambda: list(self._flight().list_flights(options=self._options())))]

    def describe(self, dataset: str) -> dict[str, Any]:
        """What is in a data set: ``source`` with licence and citation, ``splits``, ``rows`` of its tables, and
        ``arrays``, each with ``name``, ``role``, ``axes``, ``dtype``, ``levels``, ``min_shape`` and ``max_shape``.
        """
        import pyarrow.flight as flight

        descriptor = flight.FlightDescriptor.for_path(dataset)
        return json.loads(_call(lambda: self._flight().get_flight_info(descriptor, self._options())).app_metadata)

    def batches(
        self,
        datasets: str | Sequence[str],
        *,
        state: Mapping[str, Any] | None = None,
        weight: Sequence[float] = (),
        **options: Any,
    ) -> FlightStream:
        """Draw batches from one data set, or from several together.

        ``datasets`` are names from ``datasets()``. The other arguments are those of ``micropq.stream``, and so are the
        batches; ``memory`` and ``jobs`` are the server's.

        ``state`` is ``Batch.state`` of the last batch that was used, also one that ``micropq.stream`` or another
        server of the same data gave.
        """
        names = [datasets] if isinstance(datasets, str) else list(datasets)
        if len(weight) not in (0, len(names)):
            raise ValueError(f"{len(weight)} weights for {len(names)} data sets")
        request = {
            "version": VERSION,
            "datasets": [{"name": n, "weight": w} for n, w in zip(names, weight)] if len(weight) else [{"name": n} for n in names],
            "options": _fields({"state": state, **options}),
        }
        return FlightStream(self, json.dumps(request, default=_plain).encode())

    def close(self) -> None:
        """Lets go of the connection; streams that are open end with an error."""
        if self._client is not None and self._pid == os.getpid():
            self._client.close()
        self._client = None

    def _flight(self) -> Any:
        """The client of this process: a connection does not survive a fork."""
        if self._client is None or self._pid != os.getpid():
            import pyarrow.flight as flight

            self._client, self._pid = flight.FlightClient(self.url, **self._client_options), os.getpid()
        return self._client

    def _options(self) -> Any:
        import pyarrow.flight as flight

        return flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + self._token.encode())] if self._token else [])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None, "_pid": None}

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FlightStream(Iterator[Batch]):
    """Batches of a running stream. Close it, or use it in ``with``: that ends it on the server too."""

    def __init__(self, server: Server, ticket: bytes) -> None:
        import pyarrow.flight as flight

        self._server = server
        self._reader: Any = _call(lambda: server._flight().do_get(flight.Ticket(ticket), server._options()))
        self._schema: pa.Schema = _call(lambda: self._reader.schema)

    @property
    def normalisation(self) -> list[dict[str, Any]]:
        """As of ``micropq.Stream``: what was done to the elements of images."""
        return json.loads((self._schema.metadata or {}).get(b"micropq:normalisation", b"[]"))

    def __iter__(self) -> FlightStream:
        return self

    def __next__(self) -> Batch:
        if self._reader is None:
            raise StopIteration
        try:
            return Batch(self._whole())
        except BaseException:
            self.close()
            raise

    def _whole(self) -> pa.RecordBatch:
        """The next batch, its pieces put together."""
        chunk = _call(self._reader.read_chunk)
        if chunk.app_metadata is None:
            return chunk.data
        parts: list[pa.RecordBatch] = []
        while True:
            piece = json.loads(chunk.app_metadata.to_pybytes())
            parts.append(chunk.data)
            have = sum(p.num_rows for p in parts)
            if piece["row"] + chunk.data.num_rows != have or have > piece["rows"]:
                raise ServerError(f"piece of a batch out of order: {have} rows, then {piece}", "data loss")
            if have == piece["rows"]:
                break
            try:
                chunk = _call(self._reader.read_chunk)
            except StopIteration:
                raise ServerError(f"the stream ends within a batch, after {have} of {piece['rows']} rows", "data loss") from None
        columns = [pa.concat_arrays([p.column(i) for p in parts]) for i in range(parts[0].num_columns)]
        return pa.RecordBatch.from_arrays(columns, schema=parts[0].schema)

    def close(self) -> None:
        """Ends the stream."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def __enter__(self) -> FlightStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(
    url: str,
    *,
    token: str | None = None,
    tls_root_certs: str | bytes | None = None,
    cert_chain: str | bytes | None = None,
    private_key: str | bytes | None = None,
    **client_options: Any,
) -> Server:
    """A server that ``micropq serve`` runs.

    ``url`` is what it prints, such as ``"grpc://127.0.0.1:8815"`` or ``"grpc+tls://gpu-store:8815"``; ``token`` is one
    of its bearer tokens. ``tls_root_certs`` is the PEM text of authorities to trust beside the system's,
    ``cert_chain`` and ``private_key`` those of the client where the server asks for a certificate.
    Further options are those of ``pyarrow.flight.FlightClient``.

    ::

        server = micropq.connect("grpc://127.0.0.1:8815")
        with server.batches("fisbe", arrays=["raw", "gt_instances"], size=(64, 64, 64), batch=2, seed=1) as batches:
            for batch in batches:
                batch["raw"]  # numpy, (2, 3, 64, 64, 64)
    """
    given = {"tls_root_certs": tls_root_certs, "cert_chain": cert_chain, "private_key": private_key}
    return Server(url, token, {**{k: v for k, v in given.items() if v is not None}, **client_options})


#: how pyarrow words an error of gRPC
_WORDS = re.compile(r"^(?:Flight|gRPC) returned (?P<status>[a-z ]+?)(?: error)?, with message: (?P<message>.*?)(?:\. gRPC client debug context: .*)?$", re.DOTALL)


def _call(f: Callable[[], _T]) -> _T:
    """Calls pyarrow, and words its errors as the server did."""
    try:
        return f()
    except (pa.ArrowException, OSError) as e:
        found = _WORDS.match(str(e))
        if found is None:
            raise ServerError(str(e), "unknown") from e
        raise ServerError(found["message"], found["status"]) from e


#: the options of a stream, by their names in Python
_OPTIONS = inspect.signature(stream).parameters.keys() - {"datasets", "weight", "memory", "jobs"}


def _fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request for options under their names in Python."""
    fields = {}
    for name, value in options.items():
        if name not in _OPTIONS:
            raise TypeError(f"there is no option {name!r}, but {', '.join(sorted(_OPTIONS))}")
        if value is None:
            continue
        if name in ("offset", "scale") and np.ndim(value) == 0:
            value = [value]  # of all channels
        fields[flag_name(name)] = value
    return fields


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays as JSON has them."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is nothing that a request can hold")
