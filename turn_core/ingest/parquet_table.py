"""Parquet files under a memory bound: few rows at a time, dictionaries left packed.

The sizes in a Parquet footer bound nothing: 1.6 MB may hold 200 million rows of text. So rows
are counted, batches are small, and every batch is measured.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest.names import shown

_BUFFER = 1 << 20
_BATCH_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Unusable:
    """A value that stands in a table but cannot be used; the reason follows the column's name."""

    reason: str


@dataclass(frozen=True, slots=True)
class TableShape:
    """Rows and columns of a table; image columns hold the bytes of images."""

    num_rows: int
    columns: tuple[str, ...]
    text_columns: tuple[str, ...]
    image_columns: tuple[str, ...]


def open_parquet(stream: BinaryIO, title: str, limits: IngestLimits) -> Any:
    """Open a Parquet file as a `pyarrow.parquet.ParquetFile` that streams its pages.

    Raises:
        IngestError: no Parquet file, damaged, or with a footer or row count over the limits.
    """
    _check_footer(stream, title, limits)
    try:
        schema = pq.read_schema(stream)
        stream.seek(0)
        file = pq.ParquetFile(
            stream, read_dictionary=_text_leaves(schema), buffer_size=_BUFFER, pre_buffer=False
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise IngestError(unreadable(title, error)) from error
    if file.metadata.num_rows > limits.table_rows:
        raise IngestError(
            f"{title} has {file.metadata.num_rows:,} rows, over the limit of "
            f"{limits.table_rows:,} for one import; split it"
        )
    return file


def unreadable(title: str, error: BaseException) -> str:
    """Return the sentence for a Parquet file that cannot be read."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{title} is no sound Parquet file ({reason[:160]}); write it again"


def describe(stream: BinaryIO, title: str, limits: IngestLimits) -> TableShape:
    """Return rows and columns of a file, from its footer alone."""
    file = open_parquet(stream, title, limits)
    schema = file.schema_arrow
    return TableShape(
        num_rows=file.metadata.num_rows,
        columns=tuple(schema.names),
        text_columns=tuple(field.name for field in schema if is_text(field.type)),
        image_columns=tuple(field.name for field in schema if is_image_bytes(field.type)),
    )


def rows(
    stream: BinaryIO, title: str, used: Sequence[str], limits: IngestLimits
) -> Iterator[dict[str, object]]:
    """Yield the columns `used` of every row, as `exact_texts` gives them.

    Raises:
        IngestError: a column holds neither texts nor integers, or the file is not sound.
    """
    file = open_parquet(stream, title, limits)
    for name in used:
        check_text(file.schema_arrow, name, title)
    labels = {name: class_names(file.schema_arrow, name) for name in used}
    for batch in batches(file, used, title, limits, rows=_BATCH_ROWS):
        texts = [exact_texts(batch.column(name), labels[name]) for name in used]
        for values in zip(*texts, strict=True):
            yield dict(zip(used, values, strict=True))


def exact_texts(column: Any, names: Sequence[str] | None) -> list[object]:
    """Return the values of a text or integer array as texts, None where there is none.

    Integers become the names of a ClassLabel where there are some (-1 is "no label" there), else
    their digits; a number without a name becomes an `Unusable`.
    """
    if pa.types.is_dictionary(column.type):
        values = exact_texts(column.dictionary, names)
        return [None if index is None else values[index] for index in column.indices.to_pylist()]
    numbers = column.to_pylist()
    if not pa.types.is_integer(column.type):
        return list(numbers)
    if names is None:
        return [None if number is None else str(number) for number in numbers]
    return [_class_name(number, names) for number in numbers]


def _class_name(number: int | None, names: Sequence[str]) -> object:
    if number is None or number == -1:
        return None
    if 0 <= number < len(names):
        return names[number]
    return Unusable(f"is {number}, but there are names for 0 to {len(names) - 1} only")


def batches(
    file: Any, columns: Sequence[str], title: str, limits: IngestLimits, *, rows: int
) -> Iterator[Any]:
    """Yield record batches of at most `rows` rows, counting rows and bytes as they come.

    Raises:
        IngestError: damaged, or more rows or bytes than allowed.
    """
    num_rows = num_bytes = 0
    try:
        for batch in file.iter_batches(batch_size=rows, columns=list(columns), use_threads=False):
            num_rows += batch.num_rows
            num_bytes += batch.nbytes
            if num_rows > limits.table_rows or num_bytes > limits.total_bytes:
                raise IngestError(f"{title} holds more than it declares and than one import may")
            yield batch
    except (pa.ArrowException, OSError, ValueError) as error:
        raise IngestError(unreadable(title, error)) from error
    except MemoryError as error:
        raise IngestError(f"{title} needs more memory to unpack than an import may use") from error


def check_text(schema: Any, column: str, title: str) -> None:
    """Raise IngestError unless the column is there and holds texts or integers."""
    if column not in schema.names:
        raise IngestError(missing_column(title, column, schema.names))
    kind = schema.field(column).type
    if not is_text(kind):
        raise IngestError(
            f"the column {shown(column)} of {title} holds {kind} values; labels and names must "
            "be texts or integers"
        )


def missing_column(title: str, column: str, columns: Sequence[str]) -> str:
    """Return the sentence for a column that a table does not have."""
    there = ", ".join(shown(name) for name in columns[:20])
    return f"{title} has no column {shown(column)}; its columns are {there}"


def is_text(kind: Any) -> bool:
    """Whether a column holds texts or integers, as labels and names do."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)
    return any(test(kind) for test in tests)


def is_image_bytes(kind: Any) -> bool:
    """Whether a column holds bytes, or Hugging Face's struct of bytes and path."""
    if pa.types.is_struct(kind):
        fields = {field.name: field.type for field in kind}
        return "bytes" in fields and is_image_bytes(fields["bytes"])
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def class_names(schema: Any, column: str) -> tuple[str, ...] | None:
    """Return the names of a Hugging Face ClassLabel column, None where the column is none.

    They stand in the schema metadata: `huggingface` -> info.features.<column>.names.
    """
    try:
        document = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = document["info"]["features"][column]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def _text_leaves(schema: Any) -> list[str]:
    kinds = (pa.string(), pa.large_string())
    return [field.name for field in schema if field.type in kinds]


def _check_footer(stream: BinaryIO, title: str, limits: IngestLimits) -> None:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 8))
    tail = stream.read(8)
    if size < 12 or tail[4:] != b"PAR1":
        raise IngestError(f"{title} is not a Parquet file, or it is cut off; write it again")
    footer = int.from_bytes(tail[:4], "little")
    if footer > limits.directory_bytes:
        raise IngestError(
            f"{title} has a footer of {footer:,} bytes, over the limit of "
            f"{limits.directory_bytes:,}; write it in larger row groups"
        )
    stream.seek(0)
