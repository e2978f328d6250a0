"""One door to all writers: a format, the labels, an open file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from turn_core.export import class_folders, columns, imagefolder, tables
from turn_core.export.archive import BlobPath, Written, why_left_out
from turn_core.export.columns import Row
from turn_core.export.formats import FORMATS, ExportFormat
from turn_core.export.rows import LabelTable

_ROWS_PER_REPORT = 100
_BYTES_PER_TABLE_ROW = 1000
_BYTES_PER_MEMBER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How to write labels; `on_rows` hears how many rows are done, `check` may raise to stop.

    `scratch` is a folder for what cannot be kept in memory.
    """

    blob: BlobPath
    include_excluded: bool = False
    scratch: Path | None = None
    check: Callable[[], None] = lambda: None
    on_rows: Callable[[int], None] = lambda num_rows: None


def write_labels(
    labels: LabelTable, kind: ExportFormat, file: IO[bytes], options: WriteOptions
) -> Written:
    """Write the labels (and images, where the format has them) to an open binary file.

    Raises:
        ValueError: the format holds no labels (`ExportFormat.MODEL`).
        OSError: the disk is full or fails; what the file then holds must be thrown away.
    """
    rows = _reported(labels, options)
    if kind is ExportFormat.CLASS_FOLDERS:
        return class_folders.write_class_folders(
            rows,
            file,
            class_names=labels.class_names,
            blob=options.blob,
            include_excluded=options.include_excluded,
            scratch=options.scratch,
            check=options.check,
        )
    if kind is ExportFormat.IMAGEFOLDER:
        return imagefolder.write_imagefolder(
            rows,
            file,
            blob=options.blob,
            include_excluded=options.include_excluded,
            scratch=options.scratch,
            check=options.check,
        )
    return Written(_table_writer(labels, kind)(rows, file))


def schema_of(labels: LabelTable, kind: ExportFormat) -> dict[str, object]:
    """Return the sidecar of a label table."""
    return columns.schema_document(
        num_rows=labels.num_rows,
        labels_sha256=labels.labels_sha256(),
        project=labels.project,
        run_id=labels.run_id,
        escaped_for_spreadsheets=kind is ExportFormat.CSV_SPREADSHEET,
    )


def expected_bytes(labels: LabelTable, kind: ExportFormat, options: WriteOptions) -> int:
    """Return about how large the file will be, a little over rather than under."""
    if not FORMATS[kind].has_images:
        return labels.num_rows * _BYTES_PER_TABLE_ROW
    total = 0
    for row in labels.rows():
        if why_left_out(row, include_excluded=options.include_excluded) is None:
            path = options.blob(str(row["sha256"]))
            total += _BYTES_PER_MEMBER + (path.stat().st_size if path.is_file() else 0)
    return total


def _table_writer(
    labels: LabelTable, kind: ExportFormat
) -> Callable[[Iterator[Row], IO[bytes]], int]:
    if kind is ExportFormat.PARQUET:
        return partial(tables.write_parquet, schema=schema_of(labels, kind))
    if kind not in tables.TABLE_WRITERS:
        raise ValueError(f"{kind} holds no labels")
    return tables.TABLE_WRITERS[kind]


def _reported(labels: LabelTable, options: WriteOptions) -> Iterator[Row]:
    done = 0
    for done, row in enumerate(labels.rows(), start=1):
        if done % _ROWS_PER_REPORT == 0:
            options.check()
            options.on_rows(done)
        yield row
    options.on_rows(done)
