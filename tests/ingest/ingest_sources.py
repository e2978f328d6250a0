"""Sources made for tests: good images, and archives that no packer would write."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from turn_core.config import IngestLimits
from turn_core.services import projects, samples

LIMITS = IngestLimits()


def encode(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(value=0, size=(8, 8)):
    return encode(Image.new("RGB", size, (value % 256, value // 256, 77)))


def noise_image(size=(64, 48), seed=0, channels=3):
    shape = (size[1], size[0], channels) if channels > 1 else (size[1], size[0])
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(values)


def write_zip(path, members):
    """Pack {name: bytes} as people do."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@dataclass
class Raw:
    """One entry of a hand-made archive; a field that is given lies."""

    name: bytes
    data: bytes = b"x"
    method: int = 8
    flags: int = 0
    mode: int = 0
    local_name: bytes | None = None
    size: int | None = None
    packed: int | None = None
    crc: int | None = None
    local_size: int | None = None
    offset: int | None = None

    def body(self):
        if self.method != 8:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()


def raw_zip(entries, *, count=None, trailing=b"", comment=b"", end=None):
    """Write an archive byte by byte, so that every field can be wrong."""
    out, directory = bytearray(), bytearray()
    for entry in entries:
        body = entry.body()
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        size = len(entry.data) if entry.size is None else entry.size
        packed = len(body) if entry.packed is None else entry.packed
        local_name = entry.name if entry.local_name is None else entry.local_name
        local_size = size if entry.local_size is None else entry.local_size
        offset = len(out) if entry.offset is None else entry.offset
        head = (20, entry.flags, entry.method, 0, 0x21, crc)
        out += struct.pack("<4s5H3L2H", b"PK\3\4", *head, packed, local_size, len(local_name), 0)
        out += local_name + body
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, *head, packed, size,
                                 len(entry.name), 0, 0, 0, 0, entry.mode << 16, offset)  # fmt: skip
        directory += entry.name
    count = len(entries) if count is None else count
    fields = (0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), len(out), len(comment))
    tail = struct.pack("<4s4H2LH", b"PK\5\6", *fields) if end is None else end
    return bytes(out + directory) + tail + comment + trailing


def quoted_overlap_bomb(num_files=30, megabytes=4):
    """Fifield's bomb: every file's data quote the next header, so that all share one kernel."""
    kernel = b"\0" * (megabytes << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(kernel) + packer.flush()

    def header(index, packed, size, crc):
        fields = (20, 0, 8, 0, 0x21, crc, packed, size, 6, 0)
        return struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + b"%06d" % index

    entries = [(len(body), len(kernel), zlib.crc32(kernel))]
    head = header(num_files - 1, *entries[0])
    out, content = head + body, kernel
    for index in range(num_files - 2, -1, -1):
        quote = struct.pack("<BHH", 0, len(head), 0xFFFF ^ len(head))
        content = head + content
        packed = entries[0][0] + len(quote) + len(head)
        entries.insert(0, (packed, len(content), zlib.crc32(content)))
        head = header(index, *entries[0])
        out = head + quote + out
    directory, at = b"", 0
    for index, (packed, size, crc) in enumerate(entries):
        fields = (20, 20, 0, 8, 0, 0x21, crc, packed, size, 6, 0, 0, 0, 0, 0, at)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields) + b"%06d" % index
        at += 36 + 5
    tail = (0, 0, num_files, num_files, len(directory), len(out), 0)
    return out + directory + struct.pack("<4s4H2LH", b"PK\5\6", *tail)


def members(count=6):
    return {f"{'cat' if i % 2 else 'dog'}/{i}.png": png(i) for i in range(count)}


def taken(workspace, project_id):
    page = samples.browse(workspace, project_id, limit=500)
    names = {c.class_id: c.name for c in projects.classes(workspace, project_id)}
    return {
        s.file_name: (names.get(s.given_class_id), names.get(s.true_class_id), s)
        for s in page.items
    }


def refused(workspace, project_id):
    return {item.name: item.reason for item in projects.refusals(workspace, project_id)}


def stored_files(workspace):
    return sorted(p for p in workspace.files.home.glob("*/*/*") if p.is_file())
