"""Where files lie below the home folder. Every name is made here; none comes from a user."""

import re
from pathlib import Path

from turn_core import durable

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9A-Za-z_-]{1,128}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,16}")


class Files:
    """Paths below a home folder. Methods make no folder; `durable.atomic_write` does."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def database_id(self) -> Path:
        """File with the identity of the database that these files belong to."""
        return self.home / "database-id"

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

    def study(self, study_id: int) -> Path:
        """Folder of a study: an exploration has its panels there, and the files made of them."""
        return self.home / "explorations" / str(int(study_id))

    def panel(self, study_id: int, idx: int) -> Path:
        """Array file of a panel: sample_ids, purity, and the maps that are there by now."""
        return self.study(study_id) / f"panel-{int(idx):03d}.safetensors"

    def free_bytes(self) -> int:
        """Return the bytes that the disk of the home folder has left."""
        return durable.free_bytes(self.home)

    def require_free(self, num_bytes: int, what: str) -> None:
        """Check that there is room.

        Raises:
            ResourceError: less than `num_bytes` are free.
        """
        durable.require_free(self.home, num_bytes, what)

    def _hashed(self, folder: str, sha256: str, suffix: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a sha256: {sha256!r}")
        return self.home.joinpath(folder, sha256[:2], sha256 + suffix)  # one join: called per image


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a file key: {key!r}")
    return key
