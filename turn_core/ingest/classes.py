"""The classes of an import: exact names, in an order that does not depend on the rows'."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest import hf_parquet, published
from turn_core.ingest.names import shown
from turn_core.ingest.opening import open_container
from turn_core.ingest.source import ImportPlan, SourceForm
from turn_core.ingest.storing import StoredItem


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names in the order of their index: declared ones first as declared, then the others.

    The others are sorted, by value where all are whole numbers.
    """

    names: tuple[str, ...]
    _index: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def of(
        plan: ImportPlan,
        taken: Sequence[StoredItem],
        limits: IngestLimits,
        *,
        path: Path | None = None,
    ) -> "ClassNames":
        """Return the classes of the given and true labels of what was taken.

        Raises:
            IngestError: there are more classes than one project may have.
        """
        declared: tuple[str, ...] = ()
        if plan.form == SourceForm.PARQUET:
            with open_container(plan.source, limits, path) as container:
                declared = hf_parquet.declared_classes(container, plan)
        elif plan.form in published.FORMS:
            with open_container(plan.source, limits, path) as container:
                declared = published.declared_classes(container, plan.form)
        present = {item.label for item in taken} | {item.true_label for item in taken}
        others = sorted({name for name in present if name is not None} - set(declared), key=_order)
        names = (*declared, *others)
        if len(names) > limits.classes:
            raise IngestError(too_many_classes(plan, limits))
        return ClassNames(names, {name: index for index, name in enumerate(names)})

    def index_of(self, label: str | None) -> int | None:
        """Return the place of a label among the classes, None for no label."""
        return None if label is None else self._index[label]


def too_many_classes(plan: ImportPlan, limits: IngestLimits) -> str:
    """Return the sentence for more labels than a project may have classes."""
    return (
        f"{plan.source.title} has over {limits.classes:,} different labels, the limit for the "
        f"classes of a project; does {shown(plan.label_column) or 'each folder'} hold the labels?"
    )


def _order(name: str) -> tuple[int, int, str]:
    whole = name.isascii() and name.isdigit() and len(name) <= 18
    return (0, int(name), name) if whole else (1, 0, name)
