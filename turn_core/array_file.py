"""A large `.npy` file written row by row, which an interrupted process goes on with.

Rows are appended to `<name>.part`; `<name>.mark` says how many are safely on the disk, with notes
of the caller. The finished file gets its name last, beside `<name>.json` with the last notes.
"""

import fcntl
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from turn_core.durable import publish, require_free, write_json

LOOK_AGAIN_SECONDS = 0.5


@contextmanager
def only_builder(path: Path, while_waiting: Callable[[], None]) -> Iterator[bool]:
    """Let one process at a time build an array; tell whether it is still to be built.

    Two runs on the same images, on two GPUs, want the same file. `while_waiting` is called now and
    then until the other is done; it may raise to stop.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_path = path.with_name(path.name + ".lock")
    lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        while not _locked(lock):
            while_waiting()
            time.sleep(LOOK_AGAIN_SECONDS)
        yield not exists(path)
        if exists(path):  # who comes now finds it; without it a second lock would let two in
            lock_path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def exists(path: Path) -> bool:
    """Whether the array was written to its end."""
    return path.exists() and _notes_path(path).exists()


def read_notes(path: Path) -> dict[str, Any]:
    """Return the notes that were left with a finished array."""
    notes: dict[str, Any] = json.loads(_notes_path(path).read_text(encoding="utf-8"))
    return notes


class ArrayWriter:
    """Appends rows to an array of a known shape; use it in a `with` block."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, *, what: str) -> None:
        """Start, or go on where the last mark stands.

        Raises:
            ResourceError: the disk has no room for the rows that are missing; says `what` it is.
        """
        self.path = path
        self.shape = shape
        self._mark_path = path.with_name(path.name + ".mark")
        self._part = path.with_name(path.name + ".part")
        self._row_bytes = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
        header = _header(shape, dtype)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.done, self.notes = self._resume(header)
        require_free(path.parent, (shape[0] - self.done) * self._row_bytes, what)
        self._file = self._part.open("r+b" if self.done else "wb")
        self._file.write(header)
        self._file.truncate(len(header) + self.done * self._row_bytes)
        self._file.seek(0, os.SEEK_END)

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows (B, ...) at the end."""
        self._file.write(np.ascontiguousarray(rows).data)
        self.done += len(rows)

    def mark(self, notes: Mapping[str, Any]) -> None:
        """Force all rows so far to the disk and remember how many there are."""
        self._file.flush()
        os.fsync(self._file.fileno())
        write_json(self._mark_path, {"done": self.done, "shape": self.shape, "notes": notes})

    def finish(self, notes: Mapping[str, Any]) -> None:
        """Give the complete file its name."""
        self.mark(notes)
        write_json(_notes_path(self.path), notes)
        publish(self._part, self.path)
        self._mark_path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _resume(self, header: bytes) -> tuple[int, dict[str, Any]]:
        if not (self._mark_path.exists() and self._part.exists()):
            return 0, {}
        mark = json.loads(self._mark_path.read_text(encoding="utf-8"))
        whole = self._part.stat().st_size >= len(header) + mark["done"] * self._row_bytes
        if mark["shape"] != list(self.shape) or not whole:
            return 0, {}
        return mark["done"], mark["notes"]


def _notes_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _header(shape: tuple[int, ...], dtype: DTypeLike) -> bytes:
    buffer = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()
