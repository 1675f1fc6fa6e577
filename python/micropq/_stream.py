"""Batches through the pipe of a ``micropq stream`` process."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa


class StreamError(RuntimeError):
    """The program ended with an error; its words are the message."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        #: exit code: 2 usage, 3 bad input, 4 damaged data set
        self.code = code


class Batch(Mapping[str, Any]):
    """One batch: its columns by name.

    A drawn array is a numpy array ``(N, C, Z, Y, X)``, without the axes that it lacks, and a view
    of the memory that the pipe was read into: copy it before you change it. The columns
    ``sample_id``, ``origin``, ``source``, ``instance``, ``epoch`` and ``position`` say where
    each item lies.
    """

    def __init__(self, record: pa.RecordBatch) -> None:
        self._record = record

    def __getitem__(self, name: str) -> Any:
        column = self._record.column(self._record.schema.get_field_index(name)) if name in self._record.schema.names else None
        if column is None:
            raise KeyError(name)
        if isinstance(column.type, pa.FixedShapeTensorType):
            return column.to_numpy_ndarray()
        if pa.types.is_fixed_size_list(column.type):
            return column.flatten().to_numpy().reshape(len(column), -1)
        return column.to_pylist() if pa.types.is_string(column.type) else column.to_numpy()

    def __iter__(self) -> Iterator[str]:
        return (n for n in self._record.schema.names if n != "state")

    def __len__(self) -> int:
        return len(self._record.schema.names) - 1

    @property
    def state(self) -> dict[str, Any]:
        """Where a run goes on that is done with this batch, for ``stream(state=...)``."""
        return json.loads(self._record.column("state")[0].as_py())

    @property
    def size(self) -> int:
        """The number of items, N."""
        return self._record.num_rows


def binary() -> str:
    """The program: ``MICROPQ_BINARY``, the one this package brings, or that on the PATH."""
    named = os.environ.get("MICROPQ_BINARY")
    if named:
        return named
    brought = os.path.join(os.path.dirname(__file__), "bin", "micropq.exe" if os.name == "nt" else "micropq")
    found = brought if os.path.exists(brought) else shutil.which("micropq")
    if found is None:
        raise FileNotFoundError("the program micropq is not on the PATH: install it, or name it in MICROPQ_BINARY")
    return found


#: bytes that the pipe holds, so that neither process waits for the other at every page; as many as Linux lets any user have
_PIPE = 1 << 20


class _Pipe:
    """The reading end of a pipe as pyarrow reads files: straight into the memory of the batch."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def closed(self) -> bool:
        return self._raw.closed

    def read_buffer(self, n: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(n, resizable=True)
        room, have = memoryview(buffer).cast("B"), 0
        while have < n and (more := self._raw.readinto(room[have:])):
            have += more
        room.release()
        if have < n:
            buffer.resize(have)
        return buffer

    read = read_buffer

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self._raw.close()


class Stream(Iterator[Batch]):
    """Batches of a running process. Close it, or use it in ``with``: that ends the process."""

    def __init__(self, command: Sequence[str], state: Mapping[str, Any] | None) -> None:
        self._state_file: str | None = None
        command = list(command)
        if state is not None:
            fd, self._state_file = tempfile.mkstemp(prefix="micropq-state-", suffix=".json")
            with os.fdopen(fd, "w") as f:
                json.dump(dict(state), f)
            command += ["--state", self._state_file]
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0, pipesize=_PIPE)
        self._reader: pa.RecordBatchReader | None = None

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Batch:
        try:
            if self._reader is None:
                self._reader = pa.ipc.open_stream(_Pipe(self._process.stdout))
            record = self._reader.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError) as e:
            self._finish(e)
        return Batch(record)

    def _finish(self, cause: Exception) -> None:
        """Tells the end of a stream from one that broke off."""
        if self._process is None or self._process.stdout is None or self._process.stdout.closed:
            raise StopIteration
        code = self._process.wait()
        self._errors.seek(0)
        message = self._errors.read().decode(errors="replace").strip()
        self.close()
        if code != 0:
            raise StreamError(message or f"micropq ended with exit code {code}", code)
        if not isinstance(cause, StopIteration):
            raise StreamError(f"the stream is cut off: {cause}", code)
        raise StopIteration

    def close(self) -> None:
        """Ends the process and lets go of the pipe."""
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._errors.close()
        if self._state_file is not None:
            os.unlink(self._state_file)
            self._state_file = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def stream(
    *datasets: str | os.PathLike[str],
    arrays: Sequence[str] = ("raw",),
    size: Sequence[int],
    batch: int = 1,
    kind: str = "crops",
    state: Mapping[str, Any] | None = None,
    **options: Any,
) -> Stream:
    """Draw batches from data sets.

    ``datasets`` are folders, zips or URLs; ``size`` is the extent of a box along Z, Y, X or Y, X.
    ``kind`` is ``"crops"``, at random places (they need ``seed=``), or ``"tiles"``, which cover every sample.
    Every flag of ``micropq stream`` is an option under its name, such as ``foreground=0.5``,
    ``split="train"``, ``shuffle="global"``, ``rank=0, world=2``, ``weight=[1, 2]``.

    ``state`` is ``Batch.state`` of the last batch that was used: the stream goes on behind it, also
    with another number of ranks.
    """
    command = [binary(), "stream", *map(os.fspath, datasets), "--kind", kind, "--batch", str(batch), "--size", _numbers(size)]
    for name in arrays:
        command += ["--array", name]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if name == "overlap":
            command += [flag, _numbers(value)]
        elif isinstance(value, (list, tuple, np.ndarray)):
            for v in value:
                command += [flag, str(v)]
        elif isinstance(value, bool):
            command += [flag] if value else []
        elif value is not None:
            command += [flag, str(value)]
    return Stream(command, state)


def _numbers(values: Sequence[int]) -> str:
    return ",".join(str(int(v)) for v in values)
