"""What ZIP archives and folders have in common: a catalogue of members, read one by one."""

import io
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from turn_core.config import IngestLimits
from turn_core.errors import DataError, IngestError
from turn_core.ingest import layouts, names
from turn_core.types import RefusedItem

_CHUNK = 1 << 20


class ItemRefused(DataError):  # noqa: N818 - a finding about one item, shown as its reason
    """One item cannot be taken; the message is the reason, without the name of the item."""


@dataclass(slots=True)
class Catalog:
    """The members of a source by kind; names are relative paths with forward slashes."""

    limits: IngestLimits
    images: dict[str, int] = field(default_factory=dict)
    """Name to size in bytes: everything that may be an image; decoding decides."""
    tables: dict[str, int] = field(default_factory=dict)
    """Name to size in bytes: CSV, JSONL and Parquet files."""
    layout: layouts.Layout | None = None
    """The published data set that the files are laid out as; None for every other source."""
    layout_files: dict[str, int] = field(default_factory=dict)
    """Name to size in bytes: lists and batches of the layout."""
    refused: list[RefusedItem] = field(default_factory=list)
    num_ignored: int = 0

    def add(self, name: str, size: int, reason: str = "") -> None:
        """Sort in one file; `reason` says why it cannot be read, empty if it can."""
        unsafe = names.refusal(name, self.limits)
        if not unsafe and not reason and size and layouts.may_belong(name):
            self.layout_files[name] = size
            return
        self._sort_in(name, size, unsafe or reason, is_safe=not unsafe)

    def settle(self) -> None:
        """Find the layout once all files are known; what is no part of it is an ordinary file."""
        self.layout = layouts.find(self.layout_files, num_others=len(self.images))
        own = set(self.layout.files.values()) if self.layout else set()
        others = {name: size for name, size in self.layout_files.items() if name not in own}
        for name, size in others.items():
            del self.layout_files[name]
            self._sort_in(name, size, "", is_safe=True)

    def _sort_in(self, name: str, size: int, reason: str, *, is_safe: bool) -> None:
        if is_safe and names.is_ignored(name):
            self.num_ignored += 1
            return
        reason = reason or self._size_refusal(name, size)
        if reason:
            self.refused.append(RefusedItem(names.shown(name), reason))
        elif names.is_table(name):
            self.tables[name] = size
        else:
            self.images[name] = size

    def _size_refusal(self, name: str, size: int) -> str:
        if names.is_archive(name):
            return "an archive inside the source is not opened; put its files in directly"
        if size == 0:
            return "the file is empty"
        if not names.is_table(name) and size > self.limits.entry_bytes:
            return f"the file has {size:,} bytes, over the limit of {self.limits.entry_bytes:,}"
        return ""

    def main_reason(self) -> str:
        """Return the most frequent reason among the refused items, with its count."""
        counts = Counter(item.reason for item in self.refused)
        return "; ".join(f"{count} x {reason}" for reason, count in counts.most_common(1))


class Container(Protocol):
    """A source of members. Reading never follows links and never trusts a declared size."""

    title: str
    catalog: Catalog

    def open(self, name: str) -> BinaryIO:
        """Open a member as a stream that ends with an `ItemRefused` if it is not sound."""

    def open_random(self, name: str) -> BinaryIO:
        """Open a member for random access."""

    def close(self) -> None:
        """Release the file or folder."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def read_image(container: Container, name: str) -> bytes:
    """Return the bytes of an image member.

    Raises:
        ItemRefused: it is over the size limit or cannot be read soundly.
    """
    limit = container.catalog.limits.entry_bytes
    with container.open(name) as stream:
        return read_bounded(stream, limit)


def read_bounded(stream: BinaryIO, limit: int) -> bytes:
    """Return the rest of a stream of at most `limit` bytes; more raises ItemRefused."""
    out = bytearray()
    while chunk := stream.read(min(_CHUNK, limit + 1 - len(out))):
        out += chunk
        if len(out) > limit:
            raise ItemRefused(f"the file has over {limit:,} bytes, the limit")
    return bytes(out)


def in_memory(container: Container, name: str) -> BinaryIO:
    """Read a table member into memory for random access.

    Raises:
        IngestError: it is over the limit for tables, or not sound.
    """
    limit = container.catalog.limits.table_bytes
    try:
        with container.open(name) as stream:
            return io.BytesIO(read_bounded(stream, limit))
    except ItemRefused as error:
        raise IngestError(
            f"{names.shown(name)} in {container.title} cannot be read: {error}"
        ) from error


def open_regular(path: Path, title: str) -> int:
    """Return a descriptor of a regular file; a FIFO or device does not block.

    Raises:
        IngestError: it is no regular file or cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise IngestError(f"{title} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise IngestError(f"{title} is not a file; give a ZIP archive or a Parquet file")
    return fd


def check_totals(title: str, num_files: int, num_bytes: int, limits: IngestLimits) -> None:
    """Refuse a source that is too large as a whole.

    Raises:
        IngestError: too many files or too many bytes.
    """
    if num_files > limits.entries:
        raise IngestError(
            f"{title} holds more than {limits.entries:,} files, the limit for one import; "
            "split it or use Parquet"
        )
    if num_bytes > limits.total_bytes:
        raise IngestError(
            f"{title} holds {num_bytes:,} bytes unpacked, over the limit of "
            f"{limits.total_bytes:,} for one import; split it"
        )
