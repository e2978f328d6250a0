"""Uploads: pieces of a file, straight to the disk; a broken one goes on where it stopped.

Files are named by a random token; the user's file name is only remembered beside them.
"""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from turn_core.durable import as_resource_error, atomic_write, sync_folder
from turn_core.errors import ConflictError, IngestError, NotFoundError
from turn_core.ingest.names import is_unicode, shown
from turn_core.ingest.source import SourceKind, SourceRef
from turn_core.services import jobs
from turn_core.services.workspace import Workspace

MAX_PIECE = 64 * 2**20
STALE_SECONDS = 24 * 3600.0

_KINDS = {".zip": SourceKind.ZIP, ".parquet": SourceKind.PARQUET}
_TOKEN = re.compile(r"[0-9a-f]{32}")
_NOTE = ".json"
_MAX_NAME_CHARS = 255


def create_upload(workspace: Workspace, file_name: str, size: int) -> str:
    """Announce a file of `size` bytes and return the token of its upload.

    Raises:
        IngestError: neither a ZIP nor a Parquet file by its name, empty, or too large.
        ResourceError: the disk has no room for it.
    """
    limit = workspace.settings.limits.archive_bytes
    name = PurePath(file_name.replace("\\", "/")).name[:_MAX_NAME_CHARS]
    suffix = PurePath(name.lower()).suffix
    if suffix not in _KINDS or not is_unicode(name):
        raise IngestError(
            f"{shown(name) or 'the file'} is neither a ZIP archive (.zip) nor a Parquet file "
            "(.parquet) by its name; pack the images as a ZIP"
        )
    if size < 1:
        raise IngestError(f"{name} is empty; choose a file with images")
    if size > limit:
        raise IngestError(
            f"{name} has {size:,} bytes, over the limit of {limit:,} for an upload; split it, or "
            "put it into a folder of the server"
        )
    workspace.files.require_free(size, f"the upload of {name}")
    token = secrets.token_hex(16)
    note = {"name": name, "size": size, "suffix": suffix}
    atomic_write(workspace.files.upload(token, _NOTE), json.dumps(note).encode())
    workspace.files.upload(token).touch()
    return token


def received(workspace: Workspace, token: str) -> int:
    """Return how many bytes of an upload have arrived.

    Raises:
        NotFoundError: there is no such upload, or it is complete.
    """
    return _part(workspace, token).stat().st_size


def append(workspace: Workspace, token: str, offset: int, chunk: bytes) -> int:
    """Write a piece at `offset`, which must be where the upload stands; return the new end.

    A piece that has arrived already, because its answer was lost, changes nothing.

    Raises:
        NotFoundError: there is no such upload, or it is complete.
        ConflictError: the piece leaves a gap or overlaps the end.
        IngestError: more bytes than were announced, or a piece that is too large.
        ResourceError: the disk is full.
    """
    size = int(_note(workspace, token)["size"])
    if len(chunk) > MAX_PIECE or offset < 0 or offset + len(chunk) > size:
        raise IngestError(
            f"a piece of {len(chunk):,} bytes at {offset:,} does not fit an upload of {size:,} "
            f"bytes in pieces of at most {MAX_PIECE:,}"
        )
    path = _part(workspace, token)
    with _locked(path) as fd:
        end = os.fstat(fd).st_size
        if offset + len(chunk) <= end:
            return end
        if offset != end:
            raise ConflictError(
                f"the upload stands at byte {end:,}, the piece begins at {offset:,}; go on from "
                f"{end}"
            )
        try:
            _write_all(fd, chunk, end)
        except OSError as error:
            os.ftruncate(fd, end)
            raise as_resource_error(error, "the upload") from error
    return offset + len(chunk)


def finish(workspace: Workspace, token: str) -> SourceRef:
    """Close a complete upload and return it as a source; a repeated call returns the same.

    Raises:
        NotFoundError: there is no such upload.
        IngestError: bytes are missing.
    """
    note = _note(workspace, token)
    done = workspace.files.upload(token, str(note["suffix"]))
    if not done.exists():
        part = _part(workspace, token)
        with _locked(part) as fd:
            have = os.fstat(fd).st_size
            if have != note["size"]:
                raise IngestError(
                    f"{note['name']} has arrived with {have:,} of {note['size']:,} bytes; send "
                    "the rest first"
                )
            os.fsync(fd)
            part.rename(done)
        sync_folder(done.parent)
    return source(workspace, token)


def source(workspace: Workspace, token: str) -> SourceRef:
    """Return a complete upload as a source to inspect.

    Raises:
        NotFoundError: there is no such upload.
    """
    note = _note(workspace, token)
    kind = _KINDS[str(note["suffix"])]
    return SourceRef(kind=kind, upload=token, name=str(note["name"]))


def upload_path(workspace: Workspace, token: str) -> Path:
    """Return the file of a complete upload.

    Raises:
        NotFoundError: there is none, or it is not complete.
    """
    path = workspace.files.upload(token, str(_note(workspace, token)["suffix"]))
    if not path.exists():
        raise NotFoundError("this upload is not complete; send the rest of the file first")
    return path


def discard(workspace: Workspace, token: str) -> None:
    """Delete an upload, complete or not; one that is gone stays gone."""
    if _TOKEN.fullmatch(token):
        for suffix in (".part", *_KINDS, _NOTE):
            workspace.files.upload(token, suffix).unlink(missing_ok=True)


def sweep(workspace: Workspace, older_than: float = STALE_SECONDS) -> int:
    """Delete uploads on which nothing happened for `older_than` seconds; return how many.

    One that a queued or running job reads stays: the job may have waited for a worker that long.
    """
    tokens = set()
    for path in workspace.files.upload("0").parent.glob("*.*"):
        with suppress(FileNotFoundError):
            if _TOKEN.fullmatch(path.stem) and _age(workspace, path.stem) > older_than:
                tokens.add(path.stem)
    tokens -= _awaited(workspace)
    for token in tokens:
        discard(workspace, token)
    return len(tokens)


def _awaited(workspace: Workspace) -> set[str]:
    """Return the tokens of the uploads that active jobs read."""
    found = set()
    for job in jobs.list_jobs(workspace, active_only=True, limit=None):
        holder = job.params.get("plan", job.params)  # an import names its source in the plan
        source = holder.get("source") if isinstance(holder, Mapping) else None
        if isinstance(source, Mapping):
            found.add(str(source.get("upload")))
    return found


def _age(workspace: Workspace, token: str) -> float:
    paths = [workspace.files.upload(token, suffix) for suffix in (".part", *_KINDS, _NOTE)]
    return time.time() - max(path.stat().st_mtime for path in paths if path.exists())


def _note(workspace: Workspace, token: str) -> dict[str, str | int]:
    try:
        if not _TOKEN.fullmatch(token):
            raise FileNotFoundError
        note: dict[str, str | int] = json.loads(workspace.files.upload(token, _NOTE).read_bytes())
    except FileNotFoundError:
        raise NotFoundError("there is no such upload; start it again") from None
    return note


def _part(workspace: Workspace, token: str) -> Path:
    _note(workspace, token)
    path = workspace.files.upload(token)
    if not path.exists():
        raise NotFoundError("there is no such open upload; start it again")
    return path


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the part for one writer at a time."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFoundError("there is no such open upload; start it again") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def _write_all(fd: int, chunk: bytes, offset: int) -> None:
    view = memoryview(chunk)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written
