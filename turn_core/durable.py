"""Files that are there whole or not at all: temporary name, fsync, rename, fsync of the folder."""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from turn_core.errors import ResourceError

Writer = Callable[[BinaryIO], None]


def atomic_write(path: Path, content: bytes | Writer) -> None:
    """Write a file so that its name holds all of it or what was there before.

    Temporary file, fsync, rename, fsync of the folder. The folder is made. Who may read the file
    follows from the umask, as for any other: worker and app may be different users.

    Raises:
        ResourceError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.parent / f".{path.name[:64]}.{secrets.token_hex(8)}.tmp"
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        name.unlink(missing_ok=True)
        raise as_resource_error(error, path.name) from error
    except BaseException:
        name.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace `path` by `value` as JSON; after a crash the old or the new content stands.

    Raises:
        ResourceError: the disk is full.
    """
    atomic_write(path, json.dumps(value, sort_keys=True).encode())


def publish(temporary: Path, path: Path) -> None:
    """Rename a file or folder whose content is already on the disk, and make the name durable."""
    temporary.rename(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Force the content of a file to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut (no-op where folders cannot be opened)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def as_resource_error(error: OSError, what: str) -> OSError | ResourceError:
    """Turn "no space left" into a sentence; other errors stay what they are."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(f"the disk is full while writing {what}: free some space, try again")
    return error


def free_bytes(folder: Path) -> int:
    """Return the bytes that the disk of `folder` has left; the folder need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_free(folder: Path, num_bytes: int, what: str) -> None:
    """Check that the disk of `folder` has room before a long piece of work starts.

    Raises:
        ResourceError: it has not; the message says how much is needed and how much is there.
    """
    free = free_bytes(folder)
    if free < num_bytes:
        raise ResourceError(
            f"{what} needs {megabytes(num_bytes)} of disk, {megabytes(free)} are free: "
            f"free some space where {folder} lies"
        )


def megabytes(num_bytes: int) -> str:
    """Return a size as text, such as `12.3 MB`."""
    return f"{num_bytes / 1e6:,.1f} MB"
