"""ZIP archives as a container: entries are streamed, never extracted, never by their name."""

import io
import os
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import BinaryIO, Self, cast

from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest.container import (
    Catalog,
    ItemRefused,
    check_totals,
    in_memory,
    open_regular,
)
from turn_core.ingest.zip_directory import STORED, ZipEntry, read_directory

_LOCAL = struct.Struct("<4s5H3L2H")
_SIZES_FOLLOW = 0x8
_FULL32 = 0xFFFFFFFF
_READ = 1 << 16


class ZipContainer:
    """A ZIP archive whose directory was checked; see `read_directory` for what is refused."""

    def __init__(self, path: Path, limits: IngestLimits, title: str) -> None:
        """Open and check the archive.

        Raises:
            IngestError: it is no sound ZIP archive, or beyond a limit.
        """
        self.title = title
        self.catalog = Catalog(limits)
        self._entries: dict[str, ZipEntry] = {}
        self._fd = open_regular(path, title)
        try:
            self._load(limits)
        except BaseException:
            self.close()
            raise

    def _load(self, limits: IngestLimits) -> None:
        archive_bytes = os.fstat(self._fd).st_size
        if archive_bytes > limits.archive_bytes:
            raise IngestError(
                f"{self.title} has {archive_bytes:,} bytes, over the limit of "
                f"{limits.archive_bytes:,} for an archive; split it or use a folder on the server"
            )
        files = [e for e in read_directory(self._fd, self.title, limits) if not e.is_folder]
        if not files:
            raise IngestError(f"{self.title} is an empty archive; give a ZIP archive of images")
        num_bytes = sum(entry.size for entry in files)
        check_totals(self.title, len(files), num_bytes, limits)
        if num_bytes > max(limits.ratio_from_bytes, limits.ratio * archive_bytes):
            raise IngestError(
                f"{self.title} would unpack to {num_bytes / archive_bytes:,.0f} times its size, "
                f"over the limit of {limits.ratio:g}; images do not compress like that"
            )
        counts = Counter(entry.name for entry in files)
        for entry in files:
            twice = counts[entry.name] > 1
            reason = "the archive holds this name more than once" if twice else entry.refusal
            self.catalog.add(entry.name, entry.size, reason)
            self._entries[entry.name] = entry
        self.catalog.settle()

    def open(self, name: str) -> BinaryIO:
        """Open an entry; the stream checks size and checksum and raises ItemRefused."""
        entry = self._entries[name]
        return cast(BinaryIO, io.BufferedReader(_EntryStream(self._fd, entry), _READ))

    def open_random(self, name: str) -> BinaryIO:
        """Open an entry for random access: it is read into memory, up to the table limit."""
        return in_memory(self, name)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _EntryStream(io.RawIOBase):
    """The unpacked bytes of an entry, never more than it declares; ends only if the CRC fits."""

    def __init__(self, fd: int, entry: ZipEntry) -> None:
        self._fd = fd
        self._entry = entry
        self._at = _data_offset(fd, entry)
        self._left_packed = entry.packed
        self._left = entry.size
        self._crc = 0
        self._inflate = None if entry.method == STORED else zlib.decompressobj(-15)
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._next(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise ItemRefused("it holds more bytes than the archive declares")
        self._crc = zlib.crc32(data, self._crc)
        if not data:
            self._finish()
        buffer[: len(data)] = data
        return len(data)

    def _next(self, most: int) -> bytes:
        if self._inflate is None:
            return self._packed(most)
        while not self._inflate.eof:
            packed = self._pending or self._packed(_READ)
            try:
                data = self._inflate.decompress(packed, most)
            except zlib.error as error:
                raise ItemRefused("its compressed data are damaged") from error
            self._pending = self._inflate.unconsumed_tail
            if data or not packed:
                return data
        return b""

    def _packed(self, most: int) -> bytes:
        data = os.pread(self._fd, min(most, self._left_packed), self._at)
        self._at += len(data)
        self._left_packed -= len(data)
        return data

    def _finish(self) -> None:
        if self._left:
            raise ItemRefused("it holds fewer bytes than the archive declares")
        if self._crc != self._entry.crc:
            raise ItemRefused("its checksum does not fit: the archive is damaged")


def _data_offset(fd: int, entry: ZipEntry) -> int:
    """Return where the data begin, after comparing the local header with the directory."""
    header = os.pread(fd, _LOCAL.size + len(entry.raw_name), entry.offset)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise ItemRefused("the archive holds no file at the place that its directory gives")
    _, _, flags, method, _, _, _, packed, size, name_len, extra_len = _LOCAL.unpack_from(header)
    same = method == entry.method and not (flags ^ entry.flags) & 1
    same = same and header[_LOCAL.size :] == entry.raw_name and name_len == len(entry.raw_name)
    if not flags & _SIZES_FOLLOW:
        same = same and packed in (entry.packed, _FULL32) and size in (entry.size, _FULL32)
    if not same:
        raise ItemRefused("the archive describes it in two ways that disagree")
    start: int = entry.offset + _LOCAL.size + name_len + extra_len
    if start + entry.packed > entry.end:
        raise ItemRefused("its data overlap with the next file of the archive")
    return start
