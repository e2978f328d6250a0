import contextlib
import os
import random
import stat
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest
from ingest_sources import LIMITS, Raw, png, quoted_overlap_bomb, raw_zip, write_zip

from turn_core.errors import IngestError
from turn_core.ingest.container import ItemRefused, read_image
from turn_core.ingest.zip_archive import ZipContainer


@pytest.fixture
def opened(tmp_path):
    """A function that writes archive bytes to a file and opens it."""
    containers = []

    def open_bytes(data, limits=LIMITS):
        path = tmp_path / f"{len(containers)}.zip"
        path.write_bytes(data)
        containers.append(ZipContainer(path, limits, "photos.zip"))
        return containers[-1]

    yield open_bytes
    for container in containers:
        container.close()


def reasons(container):
    return {item.name: item.reason for item in container.catalog.refused}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_usual_archive__is_read_byte_for_byte(tmp_path, method):
    files = {"cat/1.png": png(1), "dog/é.png": png(2), "big.bin": bytes(range(256)) * 4000}
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("cat")
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=name == "big.bin") as stream:
                stream.write(data)

    with ZipContainer(path, LIMITS, "a.zip") as container:
        assert set(container.catalog.images) == set(files)
        assert {name: read_image(container, name) for name in files} == files


def test_archive_written_to_a_pipe__is_read(opened):
    command = (
        "import sys, zipfile as z; z.ZipFile(sys.stdout.buffer, 'w').writestr('a.png', '1234')"
    )
    data = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True).stdout

    assert read_image(opened(data), "a.png") == b"1234"


@pytest.mark.parametrize(
    "name",
    [
        *(b"../a.png", b"..\\a.png", b"/etc/x.png", b"C:\\x.png", b"\\\\h\\s.png", b"a/./b.png"),
        *(b"a//b.png", b"a:b:$DATA", b"%2e%2e/x.png", b"../testtest/x.png", b"a\0.png"),
    ],
)
def test_hostile_name__is_refused_with_a_reason(opened, name):
    container = opened(raw_zip([Raw(name), Raw(b"ok.png")]))

    assert list(container.catalog.images) == ["ok.png"]
    assert len(reasons(container)) == 1


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFSOCK])
def test_link_or_device__is_refused(opened, kind):
    container = opened(raw_zip([Raw(b"a.png", b"/etc/passwd", mode=kind | 0o777)]))

    assert reasons(container) == {"a.png": "it is a link or a device, not a file"}


def test_overlap_bomb__is_refused_before_anything_is_read(opened):
    with pytest.raises(IngestError, match="entries overlap"):
        opened(quoted_overlap_bomb())


def test_two_names_for_the_same_bytes__are_refused(opened):
    with pytest.raises(IngestError, match="entries overlap"):
        opened(raw_zip([Raw(b"a.png"), Raw(b"b.png", offset=0)]))


def test_duplicate_name__is_refused_both_times(opened):
    container = opened(raw_zip([Raw(b"a.png", b"1"), Raw(b"a.png", b"2"), Raw(b"b.png")]))

    assert [item.name for item in container.catalog.refused] == ["a.png", "a.png"]
    assert list(container.catalog.images) == ["b.png"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Raw(b"a.png", local_name=b"b.png"), "two ways that disagree"),
        (Raw(b"a.png", local_size=7), "two ways that disagree"),
        (Raw(b"a.png", b"12345", size=3), "more bytes than"),
        (Raw(b"a.png", b"123", size=5), "fewer bytes than"),
        (Raw(b"a.png", b"123", method=0, size=5), "fewer bytes than"),
        (Raw(b"a.png", crc=1), "checksum"),
        (Raw(b"a.png", b"\xff" * 9, method=0, packed=9), ""),
    ],
)
def test_lying_headers__are_refused_while_reading(opened, entry, reason):
    container = opened(raw_zip([entry]))
    if not reason:
        assert read_image(container, "a.png") == entry.data
        return
    with pytest.raises(ItemRefused, match=reason):
        read_image(container, "a.png")


def test_damaged_deflate_data__are_refused(opened):
    data = bytearray(raw_zip([Raw(b"a.png", bytes(range(256)) * 10)]))
    data[40:50] = b"\xff" * 10

    with pytest.raises(ItemRefused):
        read_image(opened(bytes(data)), "a.png")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Raw(b"a.png", flags=1), "encrypted"),
        (Raw(b"a.png", method=99), "encrypted"),
        (Raw(b"a.png", method=14), "compression method 14"),
        (Raw(b"inner.zip"), "archive inside"),
        (Raw(b"inner.tar.gz"), "archive inside"),
        (Raw(b"a.png", b""), "empty"),
    ],
)
def test_unreadable_entry__is_refused_with_a_reason(opened, entry, reason):
    assert reason in reasons(opened(raw_zip([entry, Raw(b"ok.png")])))[entry.name.decode()]


def zip64_end(count):
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, 0, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    full = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return end64 + locator + full


SPLIT_END = struct.pack("<4s4H2LH", b"PK\5\6", 1, 1, 1, 1, 47, 34, 0)

BROKEN = {
    "text": (
        b"file_name,label\na.png,cat\n",
        "is not a ZIP archive .it begins with 'file_name,label.",
    ),
    "nothing": (b"", "is empty"),
    "truncated": (raw_zip([Raw(b"a.png", png())])[:-30], "is cut off"),
    "trailing": (raw_zip([Raw(b"a.png")], trailing=b"junk"), "other bytes after the end"),
    "no entries": (raw_zip([]), "an empty archive"),
    "wrong count": (raw_zip([Raw(b"a.png")], count=7), "lists 1 entries but declares 7"),
    "split": (raw_zip([Raw(b"a")], end=SPLIT_END), "split archive"),
    "prefix": (b"#!stub\n" + raw_zip([Raw(b"a.png")]), "directory is not where"),
    "ten million entries": (zip64_end(10_000_000), "10,000,000 entries, over the limit of 200,000"),
    "zip64 lies": (zip64_end(10), "damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_archive__is_refused_as_a_whole_in_one_sentence(opened, name):
    data, message = BROKEN[name]
    with pytest.raises(IngestError, match=message):
        opened(data)


def test_more_entries_than_declared__stop_at_the_limit(opened):
    entries = [Raw(b"%d.png" % i) for i in range(30)]

    with pytest.raises(IngestError, match="over the limit of 20"):
        opened(raw_zip(entries, count=3), replace(LIMITS, entries=20))


def test_comment__is_no_junk(opened):
    assert opened(raw_zip([Raw(b"a.png")], comment=b"made by PK\5\6 me")).catalog.images


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"archive_bytes": 100}, "over the limit of 100 for an archive"),
        ({"entries": 2}, "3 entries, over the limit of 2"),
        ({"directory_bytes": 50}, "directory of"),
        ({"total_bytes": 1000}, "unpacked, over the limit"),
        ({"ratio_from_bytes": 1000}, "times its size, over the limit of 20"),
    ],
)
def test_limits__name_themselves(opened, change, message):
    data = raw_zip([Raw(b"%d.png" % i, bytes(20_000)) for i in range(3)])

    with pytest.raises(IngestError, match=message):
        opened(data, replace(LIMITS, **change))


def test_big_entry__is_refused_alone(opened):
    data = raw_zip([Raw(b"big.png", bytes(5000)), Raw(b"ok.png")])
    container = opened(data, replace(LIMITS, entry_bytes=4000))

    assert reasons(container) == {"big.png": "the file has 5,000 bytes, over the limit of 4,000"}


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        ("café.png".encode(), 0x800, "café.png"),
        ("café.png".encode(), 0, "café.png"),
        ("café.png".encode("cp437"), 0, "café.png"),
    ],
)
def test_names__are_utf8_or_cp437(opened, raw, flags, name):
    assert list(opened(raw_zip([Raw(raw, flags=flags)])).catalog.images) == [name]


def test_name_that_is_no_unicode__is_refused(opened):
    container = opened(raw_zip([Raw(b"\xff\xfe.png", flags=0x800)]))

    assert list(reasons(container).values()) == ["its name is not valid Unicode"]


def test_hidden_and_system_files__are_counted_not_listed(opened):
    entries = [Raw(b"__MACOSX/._a.png"), Raw(b".DS_Store"), Raw(b"README.md"), Raw(b"a.png")]
    container = opened(raw_zip(entries))

    assert (container.catalog.num_ignored, reasons(container)) == (3, {})


RATIO_BOMB = """
import sys, resource
from pathlib import Path
from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest.container import ItemRefused, read_image
from turn_core.ingest.zip_archive import ZipContainer
with ZipContainer(Path(sys.argv[1]), IngestLimits(), "bomb.zip") as container:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read_image(container, "a.png")
    except ItemRefused as error:
        print(error)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bomb_that_declares_little__is_stopped_in_little_memory(tmp_path):
    path = tmp_path / "bomb.zip"
    path.write_bytes(raw_zip([Raw(b"a.png", bytes(200 << 20), size=1000)]))

    command = [sys.executable, "-c", RATIO_BOMB, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True)

    sentence, grown = ran.stdout.splitlines()
    assert sentence == "it holds more bytes than the archive declares"
    assert int(grown) * (1 if sys.platform == "darwin" else 1024) < 20 << 20


def test_bomb_that_declares_all__is_refused_at_once(opened):
    data = raw_zip([Raw(b"%d.png" % i, bytes(30 << 20)) for i in range(4)])

    with pytest.raises(IngestError, match="times its size"):
        opened(data)


def test_refused_archive__leaves_no_open_file(opened):
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(IngestError) as caught:
        opened(b"junk")

    assert caught.value.args
    assert len(os.listdir("/proc/self/fd")) == before


def test_fuzzed_archives__raise_nothing_else(opened, tmp_path):
    sound = write_zip(tmp_path / "s.zip", {f"c/{i}.png": png(i) for i in range(4)}).read_bytes()
    chance = random.Random(0)
    num_opened = num_refused = 0
    for _ in range(300):
        broken = bytearray(sound)
        for _ in range(3):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            container = opened(bytes(broken))
            num_opened += 1
            for name in container.catalog.images:
                with contextlib.suppress(ItemRefused):
                    read_image(container, name)
        except IngestError:
            num_refused += 1
    assert min(num_opened, num_refused) > 0
