"""From a source to its container."""

from pathlib import Path

from turn_core.config import IngestLimits
from turn_core.ingest.container import Container
from turn_core.ingest.folder import FolderContainer
from turn_core.ingest.single_file import SingleFile
from turn_core.ingest.source import SourceKind, SourceRef
from turn_core.ingest.zip_archive import ZipContainer


def open_container(source: SourceRef, limits: IngestLimits, path: Path | None = None) -> Container:
    """Open a source for reading; `path` is where an upload lies.

    Raises:
        IngestError: it is not what its kind says, or beyond a limit.
    """
    place = Path(source.path) if path is None else path
    if source.kind == SourceKind.FOLDER:
        return FolderContainer(place, limits, source.title)
    if source.kind == SourceKind.PARQUET:
        return SingleFile(place, limits, source.title)
    return ZipContainer(place, limits, source.title)
