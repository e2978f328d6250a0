import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_sources import LIMITS, png

from turn_core.errors import IngestError
from turn_core.ingest.container import ItemRefused, read_image
from turn_core.ingest.folder import FolderContainer, is_below


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.png").write_bytes(png(1))
    return folder


def refused(folder, limits=LIMITS):
    with FolderContainer(folder, limits, "photos") as container:
        return {item.name: item.reason for item in container.catalog.refused}


def test_folder__is_listed_and_read(photos):
    with FolderContainer(photos, LIMITS, "photos") as container:
        assert container.catalog.images == {"cat/1.png": len(png(1))}
        assert read_image(container, "cat/1.png") == png(1)


def test_links_and_devices__are_refused_not_followed(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos)  # the path of a socket must be short
    (tmp_path / "secret.png").write_bytes(png())
    (photos / "file.png").symlink_to(tmp_path / "secret.png")
    (photos / "out").symlink_to(tmp_path)
    os.mkfifo(photos / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")

    assert set(refused(photos)) == {"file.png", "out", "pipe.png", "socket.png"}


def test_file_that_becomes_a_link__is_not_followed(photos, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    with FolderContainer(photos, LIMITS, "photos") as container:
        (photos / "cat" / "1.png").unlink()
        (photos / "cat" / "1.png").symlink_to(tmp_path / "secret.png")
        with pytest.raises(ItemRefused, match="link"):
            read_image(container, "cat/1.png")


def test_folder_that_becomes_a_link__is_not_followed(photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "1.png").write_bytes(b"secret")
    with FolderContainer(photos, LIMITS, "photos") as container:
        (photos / "cat" / "1.png").unlink()
        (photos / "cat").rmdir()
        (photos / "cat").symlink_to(other)
        with pytest.raises(ItemRefused, match="link"):
            read_image(container, "cat/1.png")


def test_file_that_becomes_a_pipe_or_vanishes__is_refused_without_waiting(photos):
    with FolderContainer(photos, LIMITS, "photos") as container:
        (photos / "cat" / "1.png").unlink()
        with pytest.raises(ItemRefused, match="cannot be opened"):
            read_image(container, "cat/1.png")
        os.mkfifo(photos / "cat" / "1.png")
        with pytest.raises(ItemRefused, match="device"):
            read_image(container, "cat/1.png")


def test_file_that_grows__stops_at_the_limit(photos):
    with FolderContainer(photos, replace(LIMITS, entry_bytes=1000), "photos") as container:
        (photos / "cat" / "1.png").write_bytes(bytes(1001))
        with pytest.raises(ItemRefused, match="over 1,000 bytes"):
            read_image(container, "cat/1.png")


@pytest.mark.parametrize("path", ["/", "/proc", "/proc/self", "/sys", "/dev"])
def test_system_folder__is_refused(path):
    with pytest.raises(IngestError, match="system folder"):
        FolderContainer(Path(path), LIMITS, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"entries": 10}, "more than 10 files"), ({"total_bytes": 50}, "over the limit of 50")],
)
def test_limits__name_themselves(photos, change, message):
    for i in range(12):
        (photos / f"{i}.png").write_bytes(b"x" * 20)

    with pytest.raises(IngestError, match=message):
        FolderContainer(photos, replace(LIMITS, **change), "photos")


def test_deep_folder__is_reported(photos):
    deep = photos.joinpath(*"abcdefghijklmnopqrst")
    deep.mkdir(parents=True)
    (deep / "x.png").write_bytes(png())

    assert list(refused(photos).values()) == ["it lies over 16 folders deep"]


def test_name_that_is_no_unicode__is_refused(photos):
    Path(os.fsdecode(os.fsencode(photos) + b"/\xff.png")).write_bytes(png())

    assert list(refused(photos).values()) == ["its name is not valid Unicode"]


def test_empty_or_missing_folder__says_so(tmp_path):
    with pytest.raises(IngestError, match="is empty"):
        FolderContainer(tmp_path, LIMITS, "photos")
    with pytest.raises(IngestError, match="cannot be opened"):
        FolderContainer(tmp_path / "nowhere", LIMITS, "photos")


def test_sibling_with_the_same_prefix__is_not_below(tmp_path):
    for name in ("test", "testtest"):
        (tmp_path / name).mkdir()
    (tmp_path / "test" / "link").symlink_to(tmp_path / "testtest")

    roots = (tmp_path / "test",)
    assert is_below(tmp_path / "test" / "a", roots)
    assert not is_below(tmp_path / "testtest", roots)
    assert not is_below(tmp_path / "test" / ".." / "testtest", roots)
    assert not is_below(tmp_path / "test" / "link", roots)
    assert not is_below(tmp_path, ())
