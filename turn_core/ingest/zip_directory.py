"""The central directory of a ZIP archive, read by ourselves and believed in nothing.

Python's zipfile (before 3.11.8) reads archives whose entries overlap without an error: 19 KB
become 503 MB. Here the counts are checked before the list is built, and the byte intervals of
all entries before any of them is read. Layout: PKWARE APPNOTE 6.3.10.
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from turn_core.config import IngestLimits
from turn_core.errors import IngestError

STORED, DEFLATED = 0, 8

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_UTF8_FLAG, _ENCRYPTED_FLAGS = 0x800, 0x1 | 0x40 | 0x2000
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """An entry as the directory declares it. `end` is where the next entry begins."""

    name: str
    raw_name: bytes
    offset: int
    end: int
    packed: int
    size: int
    crc: int
    method: int
    flags: int
    mode: int

    @property
    def is_folder(self) -> bool:
        """Whether the entry only names a folder."""
        return self.raw_name.endswith(b"/")

    @property
    def refusal(self) -> str:
        """Why its data are not read; empty if they are."""
        if stat.S_IFMT(self.mode) not in (0, stat.S_IFREG):
            return "it is a link or a device, not a file"
        if self.flags & _ENCRYPTED_FLAGS or self.method == 99:
            return "it is encrypted; pack it without a password"
        if self.method not in (STORED, DEFLATED):
            return f"it uses compression method {self.method}; pack it with Deflate"
        return ""


@dataclass(frozen=True, slots=True)
class _End:
    count: int
    size: int
    offset: int
    at: int


def read_directory(fd: int, title: str, limits: IngestLimits) -> list[ZipEntry]:
    """Return all entries of the archive behind `fd`, in the order of the directory.

    Raises:
        IngestError: no ZIP, truncated, with bytes after its end, split, too many entries, or
            entries that overlap.
    """
    end = _find_end(fd, os.fstat(fd).st_size, title)
    if end.count > limits.entries:
        raise IngestError(_too_many(title, end.count, limits))
    if end.size > limits.directory_bytes:
        raise IngestError(
            f"{title} has a directory of {end.size:,} bytes, over the limit of "
            f"{limits.directory_bytes:,}; split the archive"
        )
    if end.offset + end.size != end.at:
        raise IngestError(f"{title} is damaged: its directory is not where its end says")
    entries = list(_entries(os.pread(fd, end.size, end.offset), title, limits))
    if len(entries) & _FULL16 != end.count & _FULL16:
        raise IngestError(
            f"{title} is damaged: it lists {len(entries):,} entries but declares {end.count:,}"
        )
    return _with_ends(entries, end.offset, title)


def _too_many(title: str, count: int, limits: IngestLimits) -> str:
    return (
        f"{title} holds {count:,} entries, over the limit of {limits.entries:,} for one import; "
        "split it or use Parquet"
    )


def _find_end(fd: int, size: int, title: str) -> _End:
    tail_at = max(0, size - _END.size - _FULL16)
    tail = os.pread(fd, size - tail_at, tail_at)
    found = tail.rfind(b"PK\x05\x06")
    junk = found >= 0
    while found >= 0:
        if len(tail) - found >= _END.size:
            fields = _END.unpack_from(tail, found)
            if found + _END.size + fields[7] == len(tail):
                return _resolve_end(fd, fields, tail_at + found, title)
        found = tail.rfind(b"PK\x05\x06", 0, found)
    raise IngestError(_no_end(os.pread(fd, 64, 0), title, junk))


def _no_end(head: bytes, title: str, junk: bool) -> str:
    if junk:
        return f"{title} has other bytes after the end of the archive; pack it again"
    if head.startswith(b"PK"):
        return f"{title} is cut off: the directory at its end is missing; upload it again"
    if not head:
        return f"{title} is empty: give a ZIP archive of images"
    start = "".join(c if c.isprintable() else "." for c in head[:16].decode("latin-1"))
    return f"{title} is not a ZIP archive (it begins with '{start}'); give a ZIP archive of images"


def _resolve_end(fd: int, fields: tuple[int, ...], at: int, title: str) -> _End:
    _, disk, start_disk, _, count, size, offset, _ = fields
    locator = os.pread(fd, _LOCATOR.size, at - _LOCATOR.size) if at >= _LOCATOR.size else b""
    if locator.startswith(b"PK\x06\x07"):
        _, _, at64, _ = _LOCATOR.unpack(locator)
        record = os.pread(fd, _END64.size, at64)
        if at64 >= at or len(record) < _END64.size or not record.startswith(b"PK\x06\x06"):
            raise IngestError(f"{title} is damaged: its ZIP64 end record is missing")
        _, _, _, _, disk, start_disk, _, count, size, offset = _END64.unpack(record)
        at = at64
    if disk or start_disk:
        raise IngestError(f"{title} is one part of a split archive; pack it as one file")
    return _End(count, size, offset, at)


def _entries(directory: bytes, title: str, limits: IngestLimits) -> Iterator[ZipEntry]:
    at = count = 0
    while at < len(directory):
        if len(directory) - at < _CENTRAL.size or directory[at : at + 4] != b"PK\x01\x02":
            raise IngestError(f"{title} is damaged: its directory cannot be read to the end")
        fields = _CENTRAL.unpack_from(directory, at)
        name_len, extra_len, comment_len = fields[10:13]
        at += _CENTRAL.size
        raw_name = directory[at : at + name_len]
        extra = directory[at + name_len : at + name_len + extra_len]
        at += name_len + extra_len + comment_len
        count += 1
        if at > len(directory):
            raise IngestError(f"{title} is damaged: its directory cannot be read to the end")
        if count > limits.entries:
            raise IngestError(_too_many(title, count, limits))
        yield _entry(fields, raw_name, extra, title)


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes, title: str) -> ZipEntry:
    flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
    external, offset = fields[15], fields[16]
    extras = dict(_extras(extra))
    try:
        size, packed, offset = _zip64(extras.get(_ZIP64_EXTRA, b""), size, packed, offset)
    except struct.error as error:
        raise IngestError(f"{title} is damaged: a ZIP64 size is missing") from error
    name = _decode_name(raw_name, flags, extras.get(_UNICODE_PATH_EXTRA, b""))
    return ZipEntry(
        name, raw_name, offset, 0, packed, size, crc, method, flags, mode=external >> 16
    )


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _zip64(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Return the three fields, each taken from the ZIP64 extra where it is full (APPNOTE 4.5.3)."""
    values, at = [], 0
    for value in (size, packed, offset):
        if value == _FULL32:
            (value,) = struct.unpack_from("<Q", extra, at)
            at += 8
        values.append(value)
    return values[0], values[1], values[2]


def _decode_name(raw: bytes, flags: int, unicode_path: bytes) -> str:
    """Return the name; without any mark UTF-8 is tried first, then the format's own cp437."""
    if len(unicode_path) > 5 and unicode_path[0] == 1:
        (crc,) = struct.unpack_from("<L", unicode_path, 1)
        if crc == zlib.crc32(raw):
            raw, flags = unicode_path[5:], flags | _UTF8_FLAG
    if flags & _UTF8_FLAG:
        return raw.decode("utf-8", errors="surrogateescape")  # what is invalid is refused by name
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _with_ends(entries: list[ZipEntry], directory_at: int, title: str) -> list[ZipEntry]:
    """Give every entry the place where the next one begins, and refuse overlaps."""
    order = sorted(range(len(entries)), key=lambda i: entries[i].offset)
    ends = [*(entries[i].offset for i in order[1:]), directory_at]
    placed = list(entries)
    for i, end in zip(order, ends):  # an empty archive has an end but no entry
        entry = entries[i]
        if entry.offset + 30 + len(entry.raw_name) + entry.packed > end:
            raise IngestError(
                f"{title} is refused: its entries overlap, as in an archive made to fill the disk"
            )
        fields = (entry.packed, entry.size, entry.crc, entry.method, entry.flags, entry.mode)
        placed[i] = ZipEntry(entry.name, entry.raw_name, entry.offset, end, *fields)
    return placed
