"""Batches through the pipe of a ``micropq stream`` process."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

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

    ==================  =====================================================================
    column              value
    ==================  =====================================================================
    a drawn array       numpy, ``(N, C, Z, Y, X)`` without the axes that it lacks
    ``NAME_ids``        numpy ``(N, M)`` int64 with ``instances=M``, ``NAME_classes`` with ``classes``
    ``image``           of items: numpy ``(N, H, W, 3)`` with ``decode``, else a list of memoryviews of
                        the encoded bytes, None for a sample without an image
    ``question`` ...    of items: ``question_id``, ``kind``, ``type``, ``question``, ``options``, ``answer``,
                        ``answer_index`` and ``tags``, lists of N values, None for null
    ``sample_id``       list of N ids
    ``origin``          of boxes: numpy ``(N, 3)`` or ``(N, 2)``, where they begin in their sample
    ``instance``        of boxes: numpy ``(N,)``, the instance a crop is centred on, else 0
    ``turns, flips``    with ``rotate`` or ``flip``: quarter turns, and the axes reversed after them
    ``source``          numpy ``(N,)``, the number of the data set among those given
    ``epoch, position`` numpy ``(N,)``, where in the order of all items
    ==================  =====================================================================

    Arrays and encoded images are views of the memory that the pipe was read into: copy them before you
    change them.
    """

    def __init__(self, record: pa.RecordBatch) -> None:
        self._record = record

    def __getitem__(self, name: str) -> Any:
        k = self._record.schema.get_field_index(name)
        if k < 0:
            raise KeyError(name)
        column, nullable = self._record.column(k), self._record.schema.field(k).nullable
        if isinstance(column.type, pa.FixedShapeTensorType):
            return column.to_numpy_ndarray()
        if pa.types.is_fixed_size_list(column.type):
            return column.flatten().to_numpy().reshape(len(column), -1)
        if pa.types.is_large_binary(column.type):
            return [memoryview(v.as_buffer()) if v.is_valid else None for v in column]
        return column.to_pylist() if nullable or pa.types.is_string(column.type) else column.to_numpy()

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


#: bytes that the pipe holds, so that the two processes wait less for each other than with 64 KiB; as many as Linux lets any user have
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

    @property
    def normalisation(self) -> list[dict[str, Any]]:
        """What was done to the elements of images: offset and scale of each channel, and the range they
        were clipped to, an entry for each array of each data set. Empty where they are as stored.
        """
        try:
            metadata = self._open().schema.metadata or {}
        except (StopIteration, pa.ArrowInvalid, OSError) as e:
            self._finish(e)
        return json.loads(metadata.get(b"micropq:normalisation", b"[]"))

    def _open(self) -> pa.RecordBatchReader:
        if self._reader is None:
            self._reader = pa.ipc.open_stream(_Pipe(self._process.stdout))
        return self._reader

    def __next__(self) -> Batch:
        try:
            record = self._open().read_next_batch()
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
    kind: Literal["crops", "tiles", "items"] = "crops",
    batch: int = 1,
    state: Mapping[str, Any] | None = None,
    # of boxes
    arrays: Sequence[str] = (),
    size: Sequence[int] | None = None,
    level: int = 0,
    count: int | None = None,
    foreground: float | None = None,
    labels: str | None = None,
    by_class: bool = False,
    overlap: Sequence[int] | None = None,
    # of items
    question_kind: Literal["question", "caption"] | None = None,
    type: str | None = None,
    dataset: str | None = None,
    decode: tuple[int, int] | None = None,
    # of samples
    split: str | None = None,
    sample: str | None = None,
    # transforms
    dtype: str | None = None,
    range: tuple[float, float] | None = None,
    percentiles: tuple[float, float] | None = None,
    offset: float | Sequence[float] | None = None,
    scale: float | Sequence[float] | None = None,
    flip: str | None = None,
    rotate: bool = False,
    instances: int | None = None,
    classes: Sequence[str] = (),
    # order
    seed: int | None = None,
    shuffle: Literal["none", "global", "buffered"] | None = None,
    shuffle_buffer: int | None = None,
    shuffle_block: int | None = None,
    epochs: int = 1,
    rank: int = 0,
    world: int = 1,
    worker: int = 0,
    workers: int = 1,
    remainder: Literal["keep", "drop", "pad"] | None = None,
    weight: Sequence[float] = (),
    # of the process
    on_error: Literal["fail", "skip"] | None = None,
    memory: str | None = None,
    jobs: int | None = None,
) -> Stream:
    """Draw batches from data sets.

    ``datasets`` are folders, zips or URLs, drawn together: every item once an epoch, or by ``weight``.

    What is drawn depends on the data, the options and ``seed`` alone. ``state`` is :attr:`Batch.state` of the
    last batch that was used: the stream goes on behind it, also with another number of ranks or workers.

    Parameters
    ----------
    kind
        ``"crops"`` at random places (they need ``seed``), ``"tiles"`` that cover every sample, or
        ``"items"``: questions with the images of their samples.
    batch
        Items of a batch.
    arrays, size, level
        Names of the arrays to draw (``["raw"]``); the extent of a box along Z, Y, X or Y, X, in elements of the
        pyramid level.
    count, foreground, labels, by_class
        Of crops: how many an epoch has (as many as cover the samples once); the share of them that is centred on an
        instance; the label array of those instances; whether a class is drawn first, then an instance of it.
    overlap
        Of tiles: elements that neighbours share along each axis.
    question_kind, type, dataset
        Of items: only questions, or captions; only those that ask for this, such as ``"modality"``; only those of
        this source data set.
    decode
        Of items: height and width that images are decoded and resized to, as RGB bytes, by the triangle filter
        (Pillow's ``BILINEAR``). Without it they come encoded.
    split, sample
        Samples of a split; samples whose id matches a glob.
    range, percentiles, offset, scale, dtype
        What becomes of images. ``range=(low, high)`` clips them to a range and maps it to 0 to 1 (FISBe:
        ``(0, 1500)``). ``percentiles`` takes the range of each channel from its elements, in 64 chunks drawn by the
        seed. ``offset`` is subtracted and the difference divided by ``scale``: a number, or one a channel. The result is
        float32, or ``dtype``; :attr:`Stream.normalisation` says what was done.
    flip, rotate
        Axes, such as ``"ZYX"``, along each of which half of the items are reversed; whether items are turned by
        none to three quarter turns in the plane of Y and X. Images and labels of an item are turned alike.
    instances
        Label arrays as masks, ``(N, M, Z, Y, X)`` uint8, of the M instances with the most elements in the
        item, the largest first, overlaps kept; ``NAME_ids`` says which. Without it they are merged to int32 ids.
    classes
        Label arrays as classes, uint8: the first is 1, background 0. A last ``"*"`` stands for all others; without it
        an instance of another class is an error.
    seed, shuffle, shuffle_buffer, shuffle_block
        The seed of all that is random. The order of tiles and items: as stored, ``"global"``, or
        ``"buffered"``, which keeps reads local: runs of ``shuffle_block`` items stay together, and
        ``shuffle_buffer`` items are mixed.
    epochs
        How many to draw, -1 for no end.
    rank, world, worker, workers, remainder
        Share the batches of an epoch among processes and their workers. ``remainder`` is what happens to items
        that fill no batch: ``"keep"``, ``"drop"`` or ``"pad"``.
    on_error
        ``"skip"`` leaves out damaged items instead of failing.
    memory, jobs
        Memory for batches read ahead (``"1GiB"``); processors to use.

    Examples
    --------
    Crops of a volume with their labels, half of them on a neuron::

        with micropq.stream("fisbe/", arrays=["raw", "gt_instances"], size=(64, 64, 64), batch=2,
                            seed=1, foreground=0.5, range=(0, 1500), flip="ZYX") as batches:
            for batch in batches:
                batch["raw"]            # (2, 3, 64, 64, 64) float32
                batch["gt_instances"]   # (2, 64, 64, 64) int32

    Questions about images::

        for batch in micropq.stream("ubench/", kind="items", type="modality", batch=32, decode=(224, 224)):
            batch["image"]              # (32, 224, 224, 3) uint8
            batch["question"], batch["options"], batch["answer_index"]
    """
    options = dict(locals())
    del options["datasets"], options["state"]
    return Stream([binary(), "stream", *map(os.fspath, datasets), *_flags(options)], state)


def _flags(options: Mapping[str, Any]) -> list[str]:
    """The flags of the program for options under their names in Python."""
    flags = []
    for name, value in options.items():
        flag = "--" + flag_name(name)
        if value is None or value is False:
            continue
        if value is True:
            flags += [flag]
        elif name in ("arrays", "classes", "weight"):
            for v in value:
                flags += [flag, str(v)]
        elif isinstance(value, (list, tuple, np.ndarray)):
            flags += [f"{flag}={','.join(str(v) for v in value)}"]  # = because numbers may be negative
        else:
            flags += [f"{flag}={value}"]
    return flags


def flag_name(option: str) -> str:
    """The name that the program has for an option."""
    return {"arrays": "array", "classes": "class"}.get(option, option).replace("_", "-")
