"""Files that are there whole or not at all: temporary name, fsync, rename, fsync of the folder."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from turn_core.errors import ResourceError


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace `path` by `value` as JSON; after a crash the old or the new content stands."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    publish(temporary, path)


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


def sync_folder(path: Path) -> None:
    """Force the names in a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_free(folder: Path, num_bytes: int, what: str) -> None:
    """Check that the disk of `folder` has room before a long piece of work starts.

    Raises:
        ResourceError: it has not; the message says how much is needed and how much is there.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise ResourceError(
            f"{what} needs {num_bytes / 1e6:,.0f} MB on the disk of {folder} but "
            f"{free / 1e6:,.0f} MB are free; free some space and start again"
        )
