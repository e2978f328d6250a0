"""Hugging Face Parquet: image bytes in a column, class names in the schema metadata."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from turn_core.errors import IngestError
from turn_core.ingest import names, parquet_table
from turn_core.ingest.container import Container, ItemRefused
from turn_core.ingest.source import ImportPlan, ItemBytes
from turn_core.ingest.tables import Row

_BATCH_ROWS = 64
_PATH_ROWS = 4096
_SHARD = re.compile(r"(?:.*/)?(?P<stem>(?P<split>[A-Za-z]+)(?:-\d+-of-\d+)?[^/]*)\.parquet", re.I)
_SPLITS = frozenset({"train", "validation", "valid", "val", "test", "dev"})


def shards(container: Container, image_column: str) -> dict[str, int]:
    """Return the Parquet files with this image column, sorted by name, with their rows.

    Raises:
        IngestError: there is none.
    """
    found = {}
    for path in sorted(container.catalog.tables):
        if path.lower().endswith(".parquet"):
            with container.open_random(path) as stream:
                title, limits = names.shown(path), container.catalog.limits
                shape = parquet_table.describe(stream, title, limits)
            if image_column in shape.image_columns:
                found[path] = shape.num_rows
    if not found:
        raise IngestError(
            f"{container.title} holds no Parquet file with image bytes in a column "
            f"{names.shown(image_column)}"
        )
    return found


def split_of(shard: str) -> str | None:
    """Return the split that a shard's name gives, as in `train-00000-of-00005.parquet`."""
    match = _SHARD.fullmatch(shard)
    split = match["split"].lower() if match else ""
    return split if split in _SPLITS else None


def declared_classes(container: Container, plan: ImportPlan) -> tuple[str, ...]:
    """Return the class names that the label columns declare, in their order; () without any."""
    declared: dict[str, None] = {}
    for shard in shards(container, plan.image_column):
        with container.open_random(shard) as stream:
            file = parquet_table.open_parquet(stream, shard, container.catalog.limits)
            for column in (plan.label_column, plan.true_label_column):
                found = parquet_table.class_names(file.schema_arrow, column) or ()
                declared.update(dict.fromkeys(filter(names.is_unicode, found)))
    return tuple(declared)


def read(
    container: Container, plan: ImportPlan, on_refused: Callable[[str, str], None]
) -> Iterator[ItemBytes]:
    """Yield the rows of all shards; unusable ones go to `on_refused`.

    Raises:
        IngestError: no shard, a column that is not there, or a file that is not sound.
    """
    if not plan.image_column or not plan.label_column:
        raise IngestError(
            f"{container.title} has no label column chosen; choose the column that holds the labels"
        )
    paths = list(shards(container, plan.image_column))
    try:
        namer = _Namer(container, plan.image_column, paths)
        for shard in paths:
            yield from _read_shard(container, plan, shard, namer, on_refused)
    except UnicodeDecodeError as error:
        raise IngestError(parquet_table.unreadable(container.title, error)) from error


def _read_shard(
    container: Container,
    plan: ImportPlan,
    shard: str,
    namer: "_Namer",
    on_refused: Callable[[str, str], None],
) -> Iterator[ItemBytes]:
    limits, title = container.catalog.limits, names.shown(shard)
    texts = (plan.label_column, plan.true_label_column, plan.split_column)
    used = tuple(dict.fromkeys(column for column in texts if column))
    with container.open_random(shard) as stream:
        file = parquet_table.open_parquet(stream, title, limits)
        schema = file.schema_arrow
        for column in used:
            parquet_table.check_text(schema, column, title)
        labels = {column: parquet_table.class_names(schema, column) for column in used}
        wanted = (*used, plan.image_column)
        number = 0
        for batch in parquet_table.batches(file, wanted, title, limits, rows=_BATCH_ROWS):
            columns = {c: parquet_table.exact_texts(batch.column(c), labels[c]) for c in used}
            for i, (data, path) in enumerate(_images(batch.column(plan.image_column))):
                number += 1
                row = Row(f"{shard} row {number}", {c: columns[c][i] for c in used})
                try:
                    yield _item(plan, row, data, namer.name(shard, number, path), limits)
                except ItemRefused as error:
                    on_refused(row.ref, str(error))


def _item(plan: ImportPlan, row: Row, data: bytes | None, name: str, limits: Any) -> ItemBytes:
    if data is None:
        raise ItemRefused("it holds no image bytes; images elsewhere are not fetched")
    if len(data) > limits.entry_bytes:
        raise ItemRefused(f"its image has {len(data):,} bytes, over {limits.entry_bytes:,}")
    label = row.cell(plan.label_column, limits)
    true_label = row.cell(plan.true_label_column, limits)
    split = row.cell(plan.split_column, limits)
    if not plan.split_column:
        split = split_of(row.ref.rpartition(" row ")[0])
    return ItemBytes(name, data, label, true_label, split, row.ref)


def _images(column: Any) -> Iterator[tuple[bytes | None, str | None]]:
    """Yield (bytes, path) per row of an image column."""
    for value in column:
        found = value.as_py()
        if isinstance(found, dict):
            yield found.get("bytes"), found.get("path")
        else:
            yield found, None


class _Namer:
    """Names of the rows: their path where all paths differ, else shard, row and path."""

    def __init__(self, container: Container, image_column: str, shards: list[str]) -> None:
        self._taken: set[str] = set()
        self._plain = self._all_differ(container, image_column, shards)
        self._limits = container.catalog.limits

    def _all_differ(self, container: Container, column: str, shards: list[str]) -> bool:
        counts: Counter[str] = Counter()
        for shard in shards:
            with container.open_random(shard) as stream:
                file = parquet_table.open_parquet(stream, shard, container.catalog.limits)
                leaf = f"{column}.path"
                if leaf not in {file.schema.column(i).path for i in range(len(file.schema))}:
                    return False
                limits = container.catalog.limits
                for batch in parquet_table.batches(file, [leaf], shard, limits, rows=_PATH_ROWS):
                    counts.update(path for _, path in _images(batch.column(0)) if path)
        return all(count == 1 for count in counts.values())

    def name(self, shard: str, number: int, path: str | None) -> str:
        """Return a name for a row that no other row has."""
        stem = shard.rpartition("/")[2].rpartition(".")[0] or "data"
        usable = path if path and not names.refusal(path, self._limits) else ""
        name = usable if self._plain and usable else f"{stem}/{number:07d}"
        if not self._plain and usable:
            name = f"{name}-{usable.rpartition('/')[2]}"
        while name in self._taken:
            name = f"{name}~"
        self._taken.add(name)
        return name
