import errno
import os
import threading
import time

import pytest

from turn_core.errors import ConflictError, IngestError, NotFoundError, ResourceError
from turn_core.services import imports, jobs, uploads
from turn_core.services.imports import ImportPlan, ImportRequest


def folder(workspace):
    return sorted(path.name for path in (workspace.files.home / "uploads").iterdir())


def test_pieces__become_the_file(workspace):
    token = uploads.create_upload(workspace, "pets.zip", 10)

    assert uploads.append(workspace, token, 0, b"01234") == 5
    assert uploads.received(workspace, token) == 5
    assert uploads.append(workspace, token, 5, b"56789") == 10
    source = uploads.finish(workspace, token)

    assert (source.kind, source.upload, source.name, source.path) == ("zip", token, "pets.zip", "")
    assert uploads.upload_path(workspace, token).read_bytes() == b"0123456789"
    assert uploads.finish(workspace, token) == source
    assert all(name.startswith(token) for name in folder(workspace))


def test_piece_sent_again__changes_nothing(workspace):
    token = uploads.create_upload(workspace, "pets.zip", 10)
    uploads.append(workspace, token, 0, b"01234")

    assert uploads.append(workspace, token, 0, b"01234") == 5
    assert uploads.append(workspace, token, 2, b"234") == 5


@pytest.mark.parametrize("offset", [6, 4])
def test_gap_or_overlap__says_where_to_go_on(workspace, offset):
    token = uploads.create_upload(workspace, "pets.zip", 10)
    uploads.append(workspace, token, 0, b"01234")

    with pytest.raises(ConflictError, match="stands at byte 5"):
        uploads.append(workspace, token, offset, b"xxx")


def test_more_than_announced__is_refused(workspace):
    token = uploads.create_upload(workspace, "pets.zip", 3)

    for offset, chunk in ((0, b"1234"), (3, b"4"), (-1, b"1")):
        with pytest.raises(IngestError, match="does not fit an upload of 3 bytes"):
            uploads.append(workspace, token, offset, chunk)


def test_unfinished_upload__is_no_source(workspace):
    token = uploads.create_upload(workspace, "pets.zip", 3)
    uploads.append(workspace, token, 0, b"1")

    with pytest.raises(IngestError, match=r"pets\.zip has arrived with 1 of 3 bytes"):
        uploads.finish(workspace, token)
    with pytest.raises(NotFoundError, match="not complete"):
        uploads.upload_path(workspace, token)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("a.exe", 1, "a.exe is neither a ZIP archive"),
        ("labels.csv", 1, "neither a ZIP archive"),
        ("zip", 1, "neither a ZIP archive"),
        ("", 1, "the file is neither"),
        ("half \ud83d.zip", 1, r"half \\u\{d83d\}\.zip is neither"),
        ("a.zip", 0, "a.zip is empty"),
        ("a.zip", 2**31 + 1, "over the limit of 2,147,483,648 for an upload"),
    ],
)
def test_unsuitable_file__is_refused_before_it_is_sent(workspace, name, size, message):
    with pytest.raises(IngestError, match=message):
        uploads.create_upload(workspace, name, size)


@pytest.mark.parametrize("name", ["../../etc/x.zip", "C:\\Users\\me\\x.zip", "/abs/x.zip"])
def test_hostile_file_name__is_only_remembered(workspace, name):
    token = uploads.create_upload(workspace, name, 1)

    assert uploads.source(workspace, token).name == "x.zip"
    assert folder(workspace) == [f"{token}.json", f"{token}.part"]


@pytest.mark.parametrize("token", ["", "../x", "0" * 31, "g" * 32, "0" * 32, "A" * 32])
def test_unknown_token__finds_nothing(workspace, token):
    for call in (uploads.received, uploads.finish, uploads.source, uploads.upload_path):
        with pytest.raises(NotFoundError, match="there is no such upload"):
            call(workspace, token)
    with pytest.raises(NotFoundError):
        uploads.append(workspace, token, 0, b"x")
    uploads.discard(workspace, token)


def test_discarded_upload__is_gone(workspace):
    token = uploads.create_upload(workspace, "a.parquet", 1)
    uploads.discard(workspace, token)

    assert folder(workspace) == []
    with pytest.raises(NotFoundError):
        uploads.append(workspace, token, 0, b"x")


def test_sweep__takes_only_what_lay_still(workspace):
    old, new = (uploads.create_upload(workspace, "a.zip", 1) for _ in range(2))
    yesterday = time.time() - 90_000
    for name in folder(workspace):
        if name.startswith(old):
            os.utime(workspace.files.home / "uploads" / name, (yesterday, yesterday))

    assert uploads.sweep(workspace) == 1
    assert folder(workspace) == [f"{new}.json", f"{new}.part"]


@pytest.mark.parametrize("kind", ["inspection", "import"])
def test_sweep__leaves_what_a_job_waits_to_read(workspace, kind):
    token = uploads.create_upload(workspace, "a.zip", 3)
    uploads.append(workspace, token, 0, b"abc")
    source = uploads.finish(workspace, token)
    if kind == "import":
        plan = ImportPlan(source=source, form="class_folders", name="a")
        job = imports.start_import(workspace, ImportRequest(plan=plan), actor="ann")
    else:
        job = imports.start_inspect(workspace, source, actor="ann")

    assert uploads.sweep(workspace, older_than=-1) == 0
    assert uploads.upload_path(workspace, token).exists()
    jobs.cancel(workspace, job.job_id, actor="ann")
    assert uploads.sweep(workspace, older_than=-1) == 1


def test_full_disk__keeps_what_arrived(workspace, monkeypatch):
    token = uploads.create_upload(workspace, "a.zip", 10)
    uploads.append(workspace, token, 0, b"01234")
    write = os.pwrite

    def half_then_full(fd, data, offset):
        if len(data) < 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:3], offset)

    monkeypatch.setattr(os, "pwrite", half_then_full)
    with pytest.raises(ResourceError, match="the disk is full while writing the upload"):
        uploads.append(workspace, token, 5, b"56789")
    monkeypatch.undo()

    assert uploads.received(workspace, token) == 5
    assert uploads.append(workspace, token, 5, b"56789") == 10


def test_disk_without_room__is_said_before(workspace, monkeypatch):
    monkeypatch.setattr("turn_core.durable.free_bytes", lambda folder: 5)

    with pytest.raises(ResourceError, match=r"the upload of a\.zip needs"):
        uploads.create_upload(workspace, "a.zip", 10)


def test_many_senders_of_one_piece__write_it_once(workspace):
    token = uploads.create_upload(workspace, "a.zip", 4000)
    ends = []

    def send():
        ends.append(uploads.append(workspace, token, 0, b"x" * 4000))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == [4000] * 8
    uploads.finish(workspace, token)
    assert uploads.upload_path(workspace, token).read_bytes() == b"x" * 4000
