"""A first look at a table: its columns, what they are for, and the labels they hold."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice

from turn_core.ingest import columns, names
from turn_core.ingest.columns import ImageIndex, Roles
from turn_core.ingest.container import Container, ItemRefused
from turn_core.ingest.source import ColumnInfo, SourceForm, TableInfo
from turn_core.ingest.tables import Row, Table

HEAD_ROWS = 200
COUNTED_ROWS = 200_000
"""Labels are counted in tables of at most this many rows; longer ones wait for the import."""

_NUM_SAMPLES = 5
_SAMPLE_CHARS = 80


@dataclass(frozen=True, slots=True)
class TablePreview:
    """What a table offers. `labels` is None where not all rows were read."""

    info: TableInfo
    form: SourceForm
    roles: Roles
    num_rows: int | None
    labels: Counter[str] | None
    num_unlabelled: int
    num_matched: int

    @property
    def is_usable(self) -> bool:
        """Whether images and labels were found in it."""
        return bool(self.roles.image and self.roles.label)


@dataclass(slots=True)
class _Counts:
    labels: Counter[str]
    num_rows: int = 0
    num_unlabelled: int = 0
    num_matched: int = 0


def preview_table(container: Container, path: str) -> TablePreview:
    """Look at the first rows of a table and count the labels of a short one.

    Raises:
        IngestError: the table cannot be read.
    """
    table = Table(container, path)
    index = ImageIndex(container.catalog.images, path)
    head = list(islice(table.rows(table.text_columns, _ignore), HEAD_ROWS))
    samples = {column: _values(head, column) for column in table.text_columns}
    has_bytes = bool(table.image_columns)
    roles = columns.guess_roles(
        samples, lambda value: bool(index.find(value)[0]), table.image_columns or None
    )
    counts = _count(container, table, roles, None if has_bytes else index)
    num_rows = table.num_rows if counts is None or has_bytes else counts.num_rows
    return TablePreview(
        info=TableInfo(path, num_rows, _infos(table, roles, samples)),
        form=SourceForm.PARQUET if has_bytes else SourceForm.TABLE,
        roles=roles,
        num_rows=num_rows,
        labels=counts.labels if counts else None,
        num_unlabelled=counts.num_unlabelled if counts else 0,
        num_matched=counts.num_matched if counts else 0,
    )


def _count(
    container: Container, table: Table, roles: Roles, index: ImageIndex | None
) -> _Counts | None:
    """Count labels and images over all rows; None for a table that is too long for a look."""
    if table.num_rows is not None and table.num_rows > COUNTED_ROWS:
        return None
    counts = _Counts(Counter())
    image = roles.image if index else ""
    used = tuple(dict.fromkeys(column for column in (image, roles.label) if column))
    for row in table.rows(used, _ignore):
        counts.num_rows += 1
        if counts.num_rows > COUNTED_ROWS:
            return None
        label = _text(row, roles.label, container)
        if label and not label.isspace():
            counts.labels[label] += 1
        else:
            counts.num_unlabelled += 1
        if index and index.find(_text(row, image, container) or "")[0]:
            counts.num_matched += 1
    return counts


def _text(row: Row, column: str, container: Container) -> str | None:
    try:
        return row.cell(column, container.catalog.limits)
    except ItemRefused:
        return None


def _values(rows: list[Row], column: str) -> list[str]:
    values = (row.values.get(column) for row in rows)
    return [value for value in values if isinstance(value, str) and value]


def _infos(table: Table, roles: Roles, samples: dict[str, list[str]]) -> tuple[ColumnInfo, ...]:
    infos = []
    for column in table.columns:
        first = list(dict.fromkeys(samples.get(column, ())))[:_NUM_SAMPLES]
        short = tuple(names.shown(value[:_SAMPLE_CHARS]) for value in first)
        infos.append(ColumnInfo(column, str(roles.of(column)), short))
    return tuple(infos)


def _ignore(_name: str, _reason: str) -> None:
    """Unreadable rows are reported by the import, where they are known by number."""
