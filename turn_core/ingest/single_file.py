"""One Parquet file as a container with one member."""

import os
from pathlib import Path
from typing import BinaryIO, Self

from turn_core.config import IngestLimits
from turn_core.ingest import names
from turn_core.ingest.container import Catalog, check_totals, open_regular


class SingleFile:
    """A Parquet file; `title` is what people call it, whatever its name on the disk."""

    def __init__(self, path: Path, limits: IngestLimits, title: str) -> None:
        """Look at the file without reading it.

        Raises:
            IngestError: it cannot be opened or is too large.
        """
        self.title = names.shown(title)
        self.catalog = Catalog(limits)
        self._path = path
        with self._opened() as stream:
            size = stream.seek(0, 2)
        check_totals(self.title, 1, size, limits)
        plain = not names.refusal(title, limits) and "/" not in title
        self.catalog.tables[title if plain else "data.parquet"] = size

    def _opened(self) -> BinaryIO:
        return os.fdopen(open_regular(self._path, self.title), "rb")

    def open(self, name: str) -> BinaryIO:
        """Open the file."""
        return self._opened()

    def open_random(self, name: str) -> BinaryIO:
        """Open the file."""
        return self._opened()

    def close(self) -> None:
        """Do nothing: the file is open only while a stream is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...
