"""A folder on this machine as a container: no link is followed, only regular files are read."""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest import layouts, names
from turn_core.ingest.container import Catalog, ItemRefused, check_totals
from turn_core.types import RefusedItem

_SYSTEM = tuple(Path(path) for path in ("/proc", "/sys", "/dev"))
_MEMORY_DISK = (Path("/dev/shm"),)
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_below(path: Path, roots: tuple[Path, ...]) -> bool:
    """Whether the real place of `path` is one of the roots or inside one."""
    real = path.resolve()
    return any(real.is_relative_to(root.resolve()) for root in roots)


class FolderContainer:
    """The files below a folder. Every opening walks from the folder down without links."""

    def __init__(self, path: Path, limits: IngestLimits, title: str) -> None:
        """List the folder.

        Raises:
            IngestError: it is no readable folder, a system folder, or beyond a limit.
        """
        self.title = title
        self.catalog = Catalog(limits)
        real = path.resolve()
        system = is_below(real, _SYSTEM) and not is_below(real, _MEMORY_DISK)
        if real == Path(real.anchor) or system:
            raise IngestError(f"{title} is a system folder; give a folder of images")
        try:
            self._fd = os.open(real, _FOLDER_FLAGS)
        except OSError as error:
            raise IngestError(f"the folder {title} cannot be opened: {error.strerror}") from error
        try:
            self._list(limits)
        except BaseException:
            self.close()
            raise

    def _list(self, limits: IngestLimits) -> None:
        is_listed = self._has_lists()
        count = num_bytes = 0
        for name, status, reason in self._walk(limits):
            count += 1
            if status is None:
                if reason:
                    self.catalog.refused.append(RefusedItem(names.shown(name), reason))
            else:
                regular = stat.S_ISREG(status.st_mode)
                num_bytes += status.st_size if regular else 0
                link = "" if regular else "it is a link or a device, not a file"
                self.catalog.add(name, status.st_size if regular else 1, link)
            if is_listed:  # its lists bound what is read, and may name a million images
                check_totals(self.title, count, 0, replace(limits, entries=limits.table_rows))
            else:
                check_totals(self.title, count, num_bytes, limits)
        if not count:
            raise IngestError(f"the folder {self.title} is empty; give a folder of images")
        self.catalog.settle()

    def _has_lists(self) -> bool:
        """Whether the folder, or a folder of lists in it, holds those of a published data set."""
        found: list[str] = []
        for parts in ((), *((name,) for name in layouts.LIST_FOLDERS)):
            try:
                listing = self._scan(parts)
            except OSError:  # most folders have no such folder; the walk reports unreadable ones
                continue
            found += ["/".join((*parts, name)) for name, _ in listing]
        return layouts.find(name for name in found if layouts.may_belong(name)) is not None

    def _walk(self, limits: IngestLimits) -> Iterator[tuple[str, os.stat_result | None, str]]:
        """Yield every file with its status, and folders with None and, if unread, the reason."""
        pending: list[tuple[str, ...]] = [()]
        while pending:
            parts = pending.pop()
            if len(parts) >= limits.depth:
                yield "/".join(parts), None, f"it lies over {limits.depth} folders deep"
                continue
            try:
                listing = self._scan(parts)
            except OSError as error:
                yield "/".join(parts), None, f"the folder cannot be opened: {error.strerror}"
                continue
            for name, status in listing:
                inner = (*parts, name)
                if stat.S_ISDIR(status.st_mode):
                    if not name.startswith("."):
                        pending.append(inner)
                    yield "/".join(inner), None, ""
                else:
                    yield "/".join(inner), status, ""

    def _scan(self, parts: tuple[str, ...]) -> list[tuple[str, os.stat_result]]:
        fd = self._descend(parts)
        found: list[tuple[str, os.stat_result]] = []
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
                    check_totals(self.title, len(found), 0, self.catalog.limits)
        finally:
            os.close(fd)
        return sorted(found, key=lambda pair: pair[0])

    def _descend(self, parts: tuple[str, ...]) -> int:
        """Return a new descriptor of the folder `parts` below the root, no link followed."""
        fd = os.dup(self._fd)
        for part in parts:
            try:
                inner = os.open(part, _FOLDER_FLAGS, dir_fd=fd)
            finally:
                os.close(fd)
            fd = inner
        return fd

    def open(self, name: str) -> BinaryIO:
        """Open a regular file below the folder.

        Raises:
            ItemRefused: it vanished, became a link, or cannot be read.
        """
        *folders, last = name.split("/")
        try:
            parent = self._descend(tuple(folders))
            try:
                fd = os.open(last, _FILE_FLAGS, dir_fd=parent)
            finally:
                os.close(parent)
        except OSError as error:
            linked = error.errno in (errno.ELOOP, errno.ENOTDIR)
            reason = "it is a link, not a file" if linked else f"it cannot be opened: {error}"
            raise ItemRefused(reason) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise ItemRefused("it is a device, not a file")
        return os.fdopen(fd, "rb")

    def open_random(self, name: str) -> BinaryIO:
        """Open a regular file for random access."""
        return self.open(name)

    def close(self) -> None:
        """Release the folder."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
