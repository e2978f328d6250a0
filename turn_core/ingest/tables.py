"""Tables with labels: CSV, JSONL and Parquet as rows of exact strings, read as a stream.

Nothing is converted: `NA`, `007` and ` Cat` stay what they are. A row that cannot be read is
refused with its number; a file that cannot be read is refused as a whole.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest import names, parquet_table
from turn_core.ingest.container import Container, ItemRefused
from turn_core.ingest.text_encoding import lines_of, not_utf8

OnRefused = Callable[[str, str], None]
"""Called with the name of an item, as it is, and the reason."""

_HEAD_LINES = 50
_JSON_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Row:
    """A row by column name; see `cell` for reading it. `ref` says where it stands."""

    ref: str
    values: Mapping[str, object]

    def cell(self, column: str, limits: IngestLimits) -> str | None:
        """Return the exact text of a cell, None where it is missing or the column is "".

        Raises:
            ItemRefused: it is neither text nor an integer, too long, or cannot be stored.
        """
        value = self.values.get(column) if column else None
        if value is None:
            return None
        if not isinstance(value, str):
            reason = "is neither a text nor an integer"
            if isinstance(value, parquet_table.Unusable):
                reason = value.reason
            raise ItemRefused(f"its {names.shown(column)} {reason}")
        reason = _text_refusal(value, limits)
        if reason:
            raise ItemRefused(f"its {names.shown(column)} {reason}")
        return value


class Table:
    """A table of a container, opened anew for each pass."""

    def __init__(self, container: Container, path: str) -> None:
        """Read the columns.

        Raises:
            IngestError: the file is too large, not UTF-8, or has no readable header.
        """
        self.path = path
        self.title = names.shown(path)
        self._container = container
        self._limits = container.catalog.limits
        self._suffix = PurePosixPath(path.lower()).suffix
        self._delimiter = ","
        size = container.catalog.tables[path]
        if not self.is_parquet and size > self._limits.table_bytes:
            raise IngestError(
                f"{self.title} has {size:,} bytes, over the limit of "
                f"{self._limits.table_bytes:,} for a table; split it"
            )
        self._shape = self._read_shape()
        _check_columns(self.columns, self.title)

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file; else it is text."""
        return self._suffix == ".parquet"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in order."""
        return self._shape.columns

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Columns that may be labels or names; in text files all are."""
        return self._shape.text_columns

    @property
    def image_columns(self) -> tuple[str, ...]:
        """Columns that hold the bytes of images."""
        return self._shape.image_columns

    @property
    def num_rows(self) -> int | None:
        """Number of rows, None for text files: they would have to be read."""
        return self._shape.num_rows if self.is_parquet else None

    def rows(self, used: Sequence[str], on_refused: OnRefused) -> Iterator[Row]:
        """Yield the rows in order, with the columns `used`; unreadable ones go to `on_refused`.

        Raises:
            IngestError: a column is not there, the file is not sound, or has too many rows.
        """
        for column in used:
            if column not in self.columns:
                raise IngestError(parquet_table.missing_column(self.title, column, self.columns))
        limit = self._limits.table_rows
        try:
            with self._open() as stream:
                for number, row in enumerate(self._read_rows(stream, used, on_refused), 1):
                    if number > limit:
                        raise IngestError(
                            f"{self.title} has over {limit:,} rows, the limit for one import; "
                            "split it"
                        )
                    yield row
        except (UnicodeDecodeError, csv.Error, ItemRefused) as error:
            raise IngestError(self._broken(error)) from error

    def _open(self) -> BinaryIO:
        opener = self._container.open_random if self.is_parquet else self._container.open
        try:
            return opener(self.path)
        except ItemRefused as error:
            raise IngestError(self._broken(error)) from error

    def _read_shape(self) -> parquet_table.TableShape:
        try:
            with self._open() as stream:
                if self.is_parquet:
                    return parquet_table.describe(stream, self.title, self._limits)
                lines = lines_of(stream, self.title)
                columns = self._columns_of([x for _, x in zip(range(_HEAD_LINES), lines)])
        except (UnicodeDecodeError, csv.Error, ItemRefused) as error:
            raise IngestError(self._broken(error)) from error
        return parquet_table.TableShape(0, columns, columns, ())

    def _columns_of(self, head: list[str]) -> tuple[str, ...]:
        if self._suffix in _JSON_SUFFIXES:
            return _json_columns(head)
        self._delimiter = _delimiter(head)
        return _csv_header(head, self._delimiter)

    def _read_rows(
        self, stream: BinaryIO, used: Sequence[str], on_refused: OnRefused
    ) -> Iterator[Row]:
        if self.is_parquet:
            rows = parquet_table.rows(stream, self.title, used, self._limits)
            for number, values in enumerate(rows, 1):
                yield Row(f"{self.path} row {number}", values)
            return
        lines = lines_of(stream, self.title)
        if self._suffix in _JSON_SUFFIXES:
            yield from _json_rows(lines, self.path, on_refused)
        else:
            yield from self._csv_rows(lines, on_refused)

    def _csv_rows(self, lines: Iterator[str], on_refused: OnRefused) -> Iterator[Row]:
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        next(reader, None)
        while True:
            ref = f"{self.path} line {reader.line_num + 1}"
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                on_refused(ref, f"its quotes or cells cannot be read ({error})")
                continue
            if cells and len(cells) != len(self.columns):
                reason = f"it has {len(cells)} cells, the header has {len(self.columns)}"
                on_refused(ref, reason)
            elif cells:
                yield Row(ref, dict(zip(self.columns, cells, strict=True)))

    def _broken(self, error: Exception) -> str:
        if isinstance(error, UnicodeDecodeError):
            return not_utf8(self.title, error)
        return f"{self.title} cannot be read: {error}"


def _text_refusal(value: str, limits: IngestLimits) -> str:
    if len(value) > limits.cell_chars:
        return f"has {len(value):,} characters, over the limit of {limits.cell_chars:,}"
    if "\0" in value:
        return "holds a NUL character"
    return "" if names.is_unicode(value) else "is not valid Unicode"


def _check_columns(columns: tuple[str, ...], title: str) -> None:
    if not columns:
        raise IngestError(f"{title} is empty; its first line must name the columns")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise IngestError(
            f"{title} names the column {names.shown(twice[0])} more than once; rename one of them"
        )


def _delimiter(lines: list[str]) -> str:
    """Return the separator (comma, semicolon, tab) that cuts the first lines most evenly."""

    def evenness(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0, 0
        if not widths or widths[0] < 2:
            return 0, 0
        return sum(width == widths[0] for width in widths), widths[0]

    return max((",", ";", "\t"), key=evenness)


def _csv_header(lines: list[str], delimiter: str) -> tuple[str, ...]:
    header = next(csv.reader(lines, delimiter=delimiter), [])
    return tuple(name or f"column {number}" for number, name in enumerate(header, 1))


def _json_columns(lines: list[str]) -> tuple[str, ...]:
    columns: dict[str, None] = {}
    for line in lines:
        values = _json_object(line)
        columns.update(dict.fromkeys(values if isinstance(values, dict) else ()))
    return tuple(name for name in columns if names.is_unicode(name))


def _json_rows(lines: Iterator[str], path: str, on_refused: OnRefused) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        values = _json_object(line)
        if isinstance(values, str):
            on_refused(f"{path} line {number}", values)
        else:
            yield Row(f"{path} line {number}", values)


def _json_object(line: str) -> dict[str, object] | str:
    """Return the members of an object, integers as their exact text; or why there are none."""
    try:
        values = json.loads(line, parse_int=str)
    except (ValueError, RecursionError):
        return "it is not valid JSON"
    return values if isinstance(values, dict) else "it is not a JSON object"
