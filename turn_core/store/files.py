"""Where files lie below the home folder. Every name is made here; none comes from a user."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from turn_core.errors import ResourceError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9A-Za-z_-]{1,128}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,16}")
Writer = Callable[[BinaryIO], None]


class Files:
    """Paths below a home folder. Methods make no folder; `atomic_write` does."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def logs(self) -> Path:
        """Folder of the log files."""
        return self.home / "logs"

    @property
    def backups(self) -> Path:
        """Folder of the copies made before a migration."""
        return self.home / "backups"

    def blob(self, sha256: str) -> Path:
        """Original image, read-only."""
        return self._hashed("blobs", sha256, "")

    def thumb(self, sha256: str) -> Path:
        """Thumbnail, at most 192 pixels on its long side."""
        return self._hashed("thumbs", sha256, ".webp")

    def preview(self, sha256: str) -> Path:
        """Preview, at most 1024 pixels on its long side."""
        return self._hashed("previews", sha256, ".webp")

    def array(self, key: str, suffix: str = ".safetensors") -> Path:
        """Array file named by a hash of what made it."""
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"not a file suffix: {suffix!r}")
        return self.home / "arrays" / (_checked(key) + suffix)

    def run(self, run_id: int) -> Path:
        """Folder of a run: checkpoint/, scores.safetensors, model/."""
        return self.home / "runs" / str(int(run_id))

    def scores(self, run_id: int) -> Path:
        """Array file with the details of a run's scores."""
        return self.run(run_id) / "scores.safetensors"

    def upload(self, token: str, suffix: str = ".part") -> Path:
        """File of an upload; `.part` until it is complete."""
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"not a file suffix: {suffix!r}")
        return self.home / "uploads" / (_checked(token) + suffix)

    def staging(self, job_id: int) -> Path:
        """Folder in which a job works; swept when it ends."""
        return self.home / "staging" / str(int(job_id))

    def export(self, export_id: int) -> Path:
        """Folder of an export's file."""
        return self.home / "exports" / str(int(export_id))

    def free_bytes(self) -> int:
        """Return the bytes that the disk of the home folder has left."""
        folder = self.home
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def require_free(self, num_bytes: int, what: str) -> None:
        """Check that there is room.

        Raises:
            ResourceError: less than `num_bytes` are free.
        """
        free = self.free_bytes()
        if free < num_bytes:
            raise ResourceError(
                f"{what} needs {megabytes(num_bytes)} of disk, {megabytes(free)} are free: "
                f"free some space where {self.home} lies"
            )

    def _hashed(self, folder: str, sha256: str, suffix: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a sha256: {sha256!r}")
        return self.home.joinpath(folder, sha256[:2], sha256 + suffix)  # one join: called per image


def megabytes(num_bytes: int) -> str:
    """Return a size as text, such as `12.3 MB`."""
    return f"{num_bytes / 1e6:,.1f} MB"


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


def as_resource_error(error: OSError, what: str) -> OSError | ResourceError:
    """Turn "no space left" into a sentence; other errors stay what they are."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(f"the disk is full while writing {what}: free some space, try again")
    return error


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut (no-op where folders cannot be opened)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a file key: {key!r}")
    return key
