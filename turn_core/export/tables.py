"""Label tables as CSV, CSV for spreadsheets, JSON Lines and Parquet, written row by row.

Each writer takes rows (any iterable) and a binary file, holds at most one row group in memory and
returns the number of rows written.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Any

from turn_core.export.columns import COLUMN_NAMES, COLUMNS, Column, Row
from turn_core.export.formats import ExportFormat

_ROWS_PER_GROUP = 8192
# Characters on which readers other than JSON's own split lines.
_LINE_BREAKS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
# First characters that make a spreadsheet run a cell (ASVS 1.2.10), with their full-width twins.
_FORMULA_STARTS = frozenset("=+-@\t\r\n\0＝＋－＠")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write_csv(rows: Iterable[Row], file: IO[bytes]) -> int:
    """Write exact UTF-8 CSV: texts quoted, an unquoted empty field is nothing, LF line ends."""
    file.write((",".join(COLUMN_NAMES) + "\n").encode())
    return _write_lines(rows, file, _csv_row)


def write_csv_for_spreadsheets(rows: Iterable[Row], file: IO[bytes]) -> int:
    """Write CSV that a spreadsheet opens safely (CWE-1236): formulas are escaped and noted.

    A byte order mark tells Excel that the text is UTF-8. Not for import: the labels are changed.
    """
    file.write(_BYTE_ORDER_MARK)
    return write_csv(map(escape_formulas, rows), file)


def write_jsonl(rows: Iterable[Row], file: IO[bytes]) -> int:
    """Write one JSON object per line; line breaks of any kind inside a text are escaped."""
    return _write_lines(rows, file, _json_row)


def write_parquet(
    rows: Iterable[Row],
    file: IO[bytes],
    schema: Mapping[str, object] | None = None,
    columns: Sequence[Column] = COLUMNS,
) -> int:
    """Write Parquet in row groups; `schema` (the sidecar) also travels in the file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = {b"turn_audit_schema": json.dumps(schema, ensure_ascii=False).encode()}
    arrow_schema = _arrow_schema(pa, columns).with_metadata(metadata if schema else None)
    count = 0
    remaining = iter(rows)
    with pq.ParquetWriter(file, arrow_schema, compression="zstd") as writer:
        while group := list(islice(remaining, _ROWS_PER_GROUP)):
            plain = [_arrow_row(row, columns) for row in group]
            table = pa.Table.from_pylist(plain, schema=arrow_schema)
            writer.write_table(table)
            count += len(group)
    return count


TABLE_WRITERS: Mapping[ExportFormat, Callable[[Iterable[Row], IO[bytes]], int]] = {
    ExportFormat.CSV: write_csv,
    ExportFormat.CSV_SPREADSHEET: write_csv_for_spreadsheets,
    ExportFormat.JSONL: write_jsonl,
    ExportFormat.PARQUET: write_parquet,
}
"""The writer of each table format."""


def escape_formulas(row: Row) -> Row:
    """Put a ' before each text that a spreadsheet would run, and name those columns in `note`."""
    risky = [
        name
        for name, value in row.items()
        if isinstance(value, str) and value[:1] in _FORMULA_STARTS
    ]
    if not risky:
        return row
    escaped = {name: f"'{row[name]}" for name in risky}
    remark = f"a ' was put before {', '.join(risky)} for spreadsheets"
    note = escaped.get("note", row.get("note"))
    return {**row, **escaped, "note": f"{note}; {remark}" if note else remark}


def csv_lines(
    rows: Iterable[Row], columns: Sequence[Column], *, for_spreadsheets: bool = False
) -> Iterator[str]:
    """Yield rows as lines of exact CSV, or of CSV that a spreadsheet opens safely.

    `columns` end with one named `note`, which says what was changed for spreadsheets.
    """
    names = [column.name for column in columns]
    yield ("\ufeff" if for_spreadsheets else "") + ",".join(names) + "\n"
    for row in rows:
        plain = {column.name: _plain(column, row.get(column.name)) for column in columns}
        safe = escape_formulas(plain) if for_spreadsheets else plain
        yield csv_line(safe.get(name) for name in names)


def csv_line(values: Iterable[object]) -> str:
    """Return one line of exact CSV: texts always quoted, None an unquoted empty field."""
    return ",".join(map(_csv_field, values)) + "\n"


def json_line(record: Mapping[str, object]) -> str:
    """Return one line of JSON in which no reader finds a second line break."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    for character, escape in _LINE_BREAKS.items():
        text = text.replace(character, escape)
    return text + "\n"


def iso_time(seconds: float) -> str:
    """Return Unix seconds as ISO 8601 UTC with milliseconds, whatever the machine's time zone."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _write_lines(rows: Iterable[Row], file: IO[bytes], to_line: Callable[[Row], str]) -> int:
    count = 0
    for row in rows:
        file.write(to_line(row).encode())
        count += 1
    return count


def _csv_row(row: Row) -> str:
    return csv_line([_plain(column, row.get(column.name)) for column in COLUMNS])


def _json_row(row: Row) -> str:
    return json_line({column.name: _plain(column, row.get(column.name)) for column in COLUMNS})


def _csv_field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return repr(value)


def _plain(column: Column, value: object) -> object:
    if column.kind == "time" and isinstance(value, int | float):
        return iso_time(value)
    return value


def _arrow_row(row: Row, columns: Sequence[Column]) -> dict[str, object]:
    return {column.name: _arrow_value(column, row.get(column.name)) for column in columns}


def _arrow_value(column: Column, value: object) -> object:
    if column.kind == "time" and isinstance(value, int | float):
        return round(value * 1000)
    return value


def _arrow_schema(pa: Any, columns: Sequence[Column]) -> Any:
    types = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "boolean": pa.bool_(),
        "time": pa.timestamp("ms", tz="UTC"),
    }
    return pa.schema(
        [
            pa.field(
                column.name,
                types[column.kind],
                metadata={"meaning": column.meaning, "direction": column.direction},
            )
            for column in columns
        ]
    )
