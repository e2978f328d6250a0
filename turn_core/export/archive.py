"""A ZIP written image by image: stored, not compressed, with the same bytes for the same content.

Members get a fixed time and mode, so that two exports of the same labels are the same file.
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from turn_core.export.columns import Row

BlobPath = Callable[[str], Path]
"""Gives the file of an image by its SHA-256."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20
_SPOOL_BYTES = 4 << 20


@dataclass(slots=True)
class Written:
    """What a writer did: samples written, and why others were left out (reason -> count)."""

    num_rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str) -> None:
        """Count one sample that is not in the file."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


class Archive:
    """Adds members to a ZIP. Use as a context manager around an open binary file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # After a failure the file is thrown away: do not write a directory that looks complete.
        if kind is None:
            self._zip.close()
        else:
            self._zip.fp = None

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a member from memory."""
        self._zip.writestr(_member(name), data)

    def add_file(self, name: str, source: IO[bytes], check: Callable[[], None]) -> None:
        """Add a member from an open file, a megabyte at a time; `check` may raise to stop."""
        with self._zip.open(_member(name), "w", force_zip64=True) as target:
            while chunk := source.read(_CHUNK):
                check()
                target.write(chunk)


class Lines:
    """Text lines kept until the archive can take them: in memory while few, on disk when many.

    `scratch` is the folder for them then; without one it is that of the system, often a small one.
    """

    def __init__(self, scratch: Path | None) -> None:
        folder = None if scratch is None else str(scratch)
        self._file: Any = tempfile.SpooledTemporaryFile(_SPOOL_BYTES, dir=folder)  # noqa: SIM115
        self.count = 0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, line: str) -> None:
        """Append one line; it brings its own line end."""
        self._file.write(line.encode())
        self.count += 1

    def write_to(self, archive: Archive, name: str, check: Callable[[], None]) -> None:
        """Add all lines as the member `name`."""
        self._file.seek(0)
        archive.add_file(name, self._file, check)


def why_left_out(row: Row, *, include_excluded: bool) -> str | None:
    """Return why a sample does not go into an archive of images, or None when it does."""
    if row["status"] == "excluded" and not include_excluded:
        return "excluded in review"
    if row["label"] is None:
        return "no label"
    return None


def read_blob(blob: BlobPath, sha256: str) -> bytes | str:
    """Return the image's bytes, or the reason why they cannot be exported."""
    try:
        data = blob(sha256).read_bytes()
    except FileNotFoundError:
        return "image file is missing from the store"
    if hashlib.sha256(data).hexdigest() != sha256:
        return "image file changed since the import"
    return data


def images(
    rows: Iterable[Row], blob: BlobPath, *, include_excluded: bool
) -> Iterator[tuple[Row, bytes | str]]:
    """Yield every row with its image bytes, or with the reason why it is left out."""
    for row in rows:
        reason = why_left_out(row, include_excluded=include_excluded)
        yield row, reason or read_blob(blob, str(row["sha256"]))


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info
