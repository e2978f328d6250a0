"""Read a source as the plan says: a stream of image bytes with exact labels, one at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path

from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest import class_folders, digits, hf_parquet, names, published
from turn_core.ingest.columns import ImageIndex
from turn_core.ingest.container import Container, ItemRefused, read_image
from turn_core.ingest.opening import open_container
from turn_core.ingest.source import ImportPlan, ItemBytes, SourceForm
from turn_core.ingest.tables import Row, Table

OnRefused = Callable[[str, str], None]
"""Called with the name of an item, as it is, and the reason."""


def read_source(
    plan: ImportPlan, limits: IngestLimits, on_refused: OnRefused, *, path: Path | None = None
) -> Iterator[ItemBytes]:
    """Yield the images of a source in its order; what cannot be taken goes to `on_refused`.

    The bytes are not decoded yet. At most one image is in memory. `path` is where an upload lies.

    Raises:
        IngestError: the source or its table is refused as a whole.
    """
    if plan.form == SourceForm.DIGITS:
        yield from digits.read(plan.source)
        return
    with open_container(plan.source, limits, path) as container:
        for item in container.catalog.refused:
            on_refused(item.name, item.reason)
        if plan.form == SourceForm.CLASS_FOLDERS:
            yield from _class_folders(container, on_refused)
        elif plan.form == SourceForm.TABLE:
            yield from _TableReader(container, plan, limits, on_refused).read()
        elif plan.form in published.FORMS:
            yield from published.read(container, plan.form, on_refused)
        else:
            yield from hf_parquet.read(container, plan, on_refused)


def _class_folders(container: Container, on_refused: OnRefused) -> Iterator[ItemBytes]:
    layout = class_folders.find_layout(container.catalog.images)
    if layout is None:
        raise IngestError(no_labels(container.title))
    for path in container.catalog.images:
        found = layout.label_of(path)
        try:
            data = read_image(container, path)
        except ItemRefused as error:
            on_refused(path, str(error))
            continue
        yield ItemBytes(path, data, found.label, split=found.split)


def no_labels(title: str) -> str:
    """Return the sentence for images that come without any labels."""
    return (
        f"{title} has images but no labels; put the images of each class into a folder of its "
        "name, or add a table with the columns file_name and label"
    )


class _TableReader:
    """Images in the order of a table's rows; each image is taken once."""

    def __init__(
        self, container: Container, plan: ImportPlan, limits: IngestLimits, on_refused: OnRefused
    ) -> None:
        self._container = container
        self._plan = plan
        self._limits = limits
        self._on_refused = on_refused
        self._taken: dict[str, str] = {}
        if plan.table not in container.catalog.tables:
            raise IngestError(f"{container.title} holds no table {names.shown(plan.table)}")
        self._table = Table(container, plan.table)
        self._index = ImageIndex(container.catalog.images, plan.table)
        check_columns(plan, self._table.columns)

    def read(self) -> Iterator[ItemBytes]:
        for row in self._table.rows(used_columns(self._plan), self._on_refused):
            try:
                yield self._item(row)
            except ItemRefused as error:
                self._on_refused(row.ref, str(error))
        for path in self._container.catalog.images:
            if path not in self._taken:
                self._on_refused(path, f"no row of {self._table.title} names it")

    def _item(self, row: Row) -> ItemBytes:
        plan, limits = self._plan, self._limits
        name = row.cell(plan.image_column, limits)
        if not name:
            raise ItemRefused(f"its {names.shown(plan.image_column)} is empty")
        reason = names.refusal(name.removeprefix("./"), limits)
        if reason:
            raise ItemRefused(f"{names.shown(name)}: {reason}")
        path, reason = self._index.find(name)
        if reason:
            raise ItemRefused(f"{names.shown(name)}: {reason}")
        if path in self._taken:
            raise ItemRefused(f"{names.shown(name)} was already named by {self._taken[path]}")
        self._taken[path] = row.ref
        label = row.cell(plan.label_column, limits)
        true_label = row.cell(plan.true_label_column, limits)
        split = row.cell(plan.split_column, limits)
        try:
            data = read_image(self._container, path)
        except ItemRefused as error:
            raise ItemRefused(f"{names.shown(name)}: {error}") from error
        return ItemBytes(name, data, label, true_label, split, row.ref)


def used_columns(plan: ImportPlan) -> tuple[str, ...]:
    """Return the columns of the table that the plan uses, each once, image bytes excepted."""
    image = plan.image_column if plan.form == SourceForm.TABLE else ""
    wanted = (image, plan.label_column, plan.true_label_column, plan.split_column)
    return tuple(dict.fromkeys(column for column in wanted if column))


def check_columns(plan: ImportPlan, columns: tuple[str, ...]) -> None:
    """Check that the plan names an image and a label column.

    Raises:
        IngestError: one is not chosen.
    """
    table = names.shown(plan.table or plan.source.title)
    there = ", ".join(names.shown(column) for column in columns[:20])
    if not plan.image_column:
        raise IngestError(
            f"{table} has no column that names the images; its columns are {there}: choose one, "
            "or add a column file_name"
        )
    if not plan.label_column:
        raise IngestError(
            f"{table} has no label column; its columns are {there}: choose the one that holds "
            "the labels, or add a column label"
        )
