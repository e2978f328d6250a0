"""From bytes to stored images: decode wholly, hash, write the original and its thumbnail once."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from turn_core import images
from turn_core.config import IngestLimits
from turn_core.durable import as_resource_error
from turn_core.ingest import names
from turn_core.ingest.container import ItemRefused
from turn_core.ingest.decode_timer import time_limit
from turn_core.ingest.source import ItemBytes
from turn_core.store.files import Files

DECODE_SECONDS = 10.0
"""CPU time that one image may take; the slowest allowed one needs about 3 s."""

_READ_ONLY = 0o444


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An image that is on the disk. `raw_label` is exact; `label` is None where it says nothing."""

    file_name: str
    sha256: str
    width: int
    height: int
    raw_label: str | None
    label: str | None
    true_label: str | None
    split: str | None
    row_ref: str | None
    notes: tuple[str, ...]


class ImageStore:
    """Writes images below the home folder; names are hashes, never what a source says."""

    def __init__(self, files: Files, staging: Path, limits: IngestLimits) -> None:
        """Write by way of `staging`, a folder of the same file system that is the caller's own."""
        self._files = files
        self._staging = staging
        self._limits = limits
        self._folders: set[Path] = set()
        staging.mkdir(parents=True, exist_ok=True)

    def store_items(
        self, items: Iterable[ItemBytes], on_refused: Callable[[str, str], None]
    ) -> Iterator[StoredItem]:
        """Yield every item once its files stand; undecodable ones go to `on_refused`.

        The files are durable only after `sync`.

        Raises:
            ResourceError: the disk is full.
        """
        for item in items:
            try:
                yield self._store(item)
            except (ItemRefused, images.UnreadableImage) as error:
                on_refused(item.row_ref or item.file_name, _reason(item, error))

    def sync(self) -> None:
        """Force all that was written to the disk, before a database row names it.

        One sync for all: two calls of fsync per image would take longer than decoding it.
        """
        os.sync()

    def _store(self, item: ItemBytes) -> StoredItem:
        _check_labels(item, self._limits)
        with time_limit(DECODE_SECONDS):
            decoded = images.decode_image(item.data, limits=self._limits)
            thumb = images.encode_thumbnail(decoded.image)
        sha256 = hashlib.sha256(item.data).hexdigest()
        self._write_once(self._files.blob(sha256), item.data)
        self._write_once(self._files.thumb(sha256), thumb)
        return StoredItem(
            file_name=item.file_name,
            sha256=sha256,
            width=decoded.image.width,
            height=decoded.image.height,
            raw_label=item.raw_label,
            label=_meaning(item.raw_label),
            true_label=_meaning(item.true_label),
            split=item.split or None,
            row_ref=item.row_ref,
            notes=decoded.notes,
        )

    def _write_once(self, path: Path, content: bytes) -> None:
        """Write a read-only file unless it stands; a torn one of before a crash is replaced."""
        try:
            if path.stat().st_size == len(content):
                return
        except FileNotFoundError:
            pass
        temporary = self._staging / path.name
        try:
            if path.parent not in self._folders:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._folders.add(path.parent)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                os.fchmod(fd, _READ_ONLY)
            temporary.rename(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise as_resource_error(error, "the imported images") from error


def _meaning(label: str | None) -> str | None:
    """Return the label as a class name, None if it is missing or blank."""
    return label if label and not label.isspace() else None


def _check_labels(item: ItemBytes, limits: IngestLimits) -> None:
    texts = {"label": item.raw_label, "true label": item.true_label, "split": item.split}
    for what, text in texts.items():
        if text and len(text) > limits.class_name_chars:
            raise ItemRefused(
                f"its {what} has {len(text):,} characters, over the limit of "
                f"{limits.class_name_chars}"
            )
        if text and "\0" in text:
            raise ItemRefused(f"its {what} holds a NUL character")


def _reason(item: ItemBytes, error: Exception) -> str:
    return f"{names.shown(item.file_name)}: {error}" if item.row_ref else str(error)
