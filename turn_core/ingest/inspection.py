"""A quick look at a source: its form, images, tables and classes, and a plan to confirm.

Only the ZIP directory, folder listing, table rows and Parquet footers are read; no image is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from turn_core.config import IngestLimits
from turn_core.errors import IngestError
from turn_core.ingest import class_folders, digits, hf_parquet, names, published
from turn_core.ingest.columns import Roles
from turn_core.ingest.container import Container
from turn_core.ingest.opening import open_container
from turn_core.ingest.reading import check_columns, no_labels
from turn_core.ingest.source import (
    ClassCount,
    ImportPlan,
    SourceForm,
    SourceKind,
    SourceRef,
    SourceReport,
)
from turn_core.ingest.table_preview import TablePreview, preview_table

MAX_TABLES = 20
MAX_LISTED = 100
_LIKELY_TABLES = ("metadata", "labels", "train", "annotations")


@dataclass(slots=True)
class _Findings:
    """What was found so far; `labels` is None where they were not all read."""

    form: SourceForm = SourceForm.CLASS_FOLDERS
    table: str = ""
    roles: Roles = field(default_factory=Roles)
    num_images: int = 0
    labels: Counter[str] | None = None
    declared: tuple[str, ...] = ()
    splits: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


def inspect(source: SourceRef, limits: IngestLimits, *, path: Path | None = None) -> SourceReport:
    """Return what a source holds and how it would be imported; `path` is where an upload lies.

    Raises:
        IngestError: the source cannot be read at all, or holds no images.
    """
    if source.kind == SourceKind.DIGITS:
        return _digits(source)
    with open_container(source, limits, path) as container:
        catalog = container.catalog
        official = published.look(container)
        if official is not None:
            return _published(source, container, official)
        previews, broken = _previews(container)
        if not catalog.images and not any(p.form == SourceForm.PARQUET for p in previews):
            raise IngestError(_nothing(container, broken))
        found = _choose(container, previews)
        found.warnings = [*broken, *found.warnings, *_name_warnings(catalog.images)]
        plan = _plan(source, found)
        num_bytes = sum(catalog.images.values()) + sum(catalog.tables.values())
        return _report(
            plan,
            found,
            num_bytes=num_bytes,
            num_ignored=catalog.num_ignored,
            tables=tuple(preview.info for preview in previews),
            refused=tuple(catalog.refused[:MAX_LISTED]),
            num_refused=len(catalog.refused),
            problem=_problem(container, plan, previews),
            forms=_forms(container, previews),
        )


def label_warnings(labels: Iterable[str], declared: Sequence[str] = ()) -> list[str]:
    """Return warnings about a set of class names: alike ones, and too few."""
    present = sorted(set(labels))
    warnings = [
        f"the classes {_quoted(group)} look alike; they stay separate classes"
        for group in names.confusable([*present, *declared])
    ]
    if len(present) == 1:
        warnings.append(
            f"there is one class only ({_quoted(present)}); it can be browsed, but training "
            "needs at least 2 classes"
        )
    return warnings


def _report(plan: ImportPlan, found: _Findings, **values: object) -> SourceReport:
    labels = found.labels
    if labels is None:
        classes = tuple(ClassCount(name, None) for name in found.declared[:MAX_LISTED])
        num_classes = len(found.declared) or None
    else:
        ordered = [*found.declared, *sorted(set(labels) - set(found.declared))]
        classes = tuple(ClassCount(name, labels[name]) for name in ordered[:MAX_LISTED])
        num_classes = len(ordered)
        found.warnings += label_warnings(labels, found.declared)
    values |= {
        "classes": classes,
        "num_classes": num_classes,
        "splits": tuple(sorted(found.splits)),
    }
    values |= {"plan": plan, "num_images": found.num_images, "warnings": tuple(found.warnings)}
    return SourceReport(**values)  # type: ignore[arg-type]


def _digits(source: SourceRef) -> SourceReport:
    found = _Findings(form=SourceForm.DIGITS, num_images=digits.NUM_DIGITS)
    found.labels = digits.count_labels(source)
    plan = ImportPlan(source=source, form=SourceForm.DIGITS, name="digits")
    return _report(plan, found, num_bytes=0, forms=(SourceForm.DIGITS,))


def _published(source: SourceRef, container: Container, official: published.Found) -> SourceReport:
    """Report a data set that was recognised by the layout that its authors gave it."""
    catalog = container.catalog
    found = _Findings(official.form, num_images=official.num_images, labels=official.labels)
    found.declared, found.splits = official.classes, official.splits
    found.warnings = official.warnings
    return _report(
        _plan(source, found),
        found,
        num_bytes=official.num_bytes,
        num_ignored=catalog.num_ignored + official.num_left,
        refused=tuple(catalog.refused[:MAX_LISTED]),
        num_refused=len(catalog.refused),
        problem=official.problem or ("" if official.num_images else _nothing(container, [])),
        forms=tuple(official.forms),
    )


def _previews(container: Container) -> tuple[list[TablePreview], list[str]]:
    """Look at the likeliest tables; return them and why others cannot be used."""
    previews, broken = [], []
    paths = sorted(container.catalog.tables, key=_likelihood)
    for path in paths[:MAX_TABLES]:
        try:
            previews.append(preview_table(container, path))
        except IngestError as error:
            broken.append(str(error))
    return previews, broken


def _likelihood(path: str) -> tuple[int, int, str]:
    stem = PurePosixPath(path.lower()).stem
    likely = next((i for i, name in enumerate(_LIKELY_TABLES) if stem.startswith(name)), 99)
    return path.count("/"), likely, path


def _choose(container: Container, previews: Sequence[TablePreview]) -> _Findings:
    """Prefer image bytes, then a table with labels, then class folders, then any table.

    A single class folder beside a table of its images is no label: there the table is proposed,
    and the person says which column holds the labels.
    """
    images = container.catalog.images
    with_bytes = [preview for preview in previews if preview.form == SourceForm.PARQUET]
    if with_bytes:
        return _from_parquet(container, with_bytes)
    usable = [preview for preview in previews if preview.is_usable]
    best = max(usable, key=lambda preview: preview.num_matched, default=None)
    folders = _from_folders(images)
    if best is None and len(folders.labels or ()) < 2:
        named = [preview for preview in previews if preview.roles.image]
        best = next(iter(named if folders.labels else [*named, *previews]), None)
    return folders if best is None else _from_table(best, len(images))


def _from_folders(images: Mapping[str, int]) -> _Findings:
    found = _Findings(num_images=len(images), labels=Counter())
    layout = class_folders.find_layout(images)
    if layout is not None:
        found.labels, found.splits, unlabelled = class_folders.count_labels(layout, images)
        found.warnings = _unlabelled(unlabelled)
    return found


def _from_table(preview: TablePreview, num_images: int) -> _Findings:
    found = _Findings(SourceForm.TABLE, preview.info.path, preview.roles, num_images)
    found.labels = preview.labels if preview.roles.label else Counter()
    if preview.labels is not None and preview.num_rows is not None and preview.roles.image:
        without = preview.num_rows - preview.num_matched
        if without:
            found.warnings.append(f"{without:,} rows name no image of the source")
        if preview.num_matched < num_images:
            missing = num_images - preview.num_matched
            found.warnings.append(f"{missing:,} images are named by no row")
    if preview.roles.label:
        found.warnings += _unlabelled(preview.num_unlabelled)
    return found


def _from_parquet(container: Container, previews: Sequence[TablePreview]) -> _Findings:
    roles = previews[0].roles
    found = _Findings(SourceForm.PARQUET, "", roles)
    shards = hf_parquet.shards(container, roles.image)
    found.num_images = sum(shards.values())
    seen = [preview for preview in previews if preview.info.path in shards]
    if roles.label:
        draft = _plan(SourceRef(kind=SourceKind.PARQUET), found)
        found.declared = hf_parquet.declared_classes(container, draft)
        counts = [preview.labels for preview in seen if preview.labels is not None]
        if len(counts) == len(shards):
            found.labels = sum(counts, Counter())
            found.warnings += _unlabelled(sum(preview.num_unlabelled for preview in seen))
    found.splits = {split for split in map(hf_parquet.split_of, shards) if split}
    if container.catalog.images:
        found.warnings.append("image files beside the Parquet files are left out")
    return found


def _plan(source: SourceRef, found: _Findings) -> ImportPlan:
    title = PurePosixPath(source.title)
    name = title.stem if source.kind in (SourceKind.ZIP, SourceKind.PARQUET) else title.name
    return ImportPlan(
        source=source,
        form=found.form,
        name=names.shown(name)[:100].strip() or "import",
        table=found.table,
        image_column=found.roles.image,
        label_column=found.roles.label,
        true_label_column=found.roles.true_label,
        split_column=found.roles.split,
    )


def _problem(container: Container, plan: ImportPlan, previews: Sequence[TablePreview]) -> str:
    """Return why the proposed plan would be refused, empty if it would not."""
    if plan.form == SourceForm.CLASS_FOLDERS:
        layout = class_folders.find_layout(container.catalog.images)
        return "" if layout else no_labels(container.title)
    fits = [p for p in previews if p.info.path == plan.table or p.form == plan.form]
    try:
        check_columns(plan, tuple(column.name for column in fits[0].info.columns))
    except IngestError as error:
        return str(error)
    return ""


def _forms(container: Container, previews: Sequence[TablePreview]) -> tuple[str, ...]:
    forms = {preview.form for preview in previews}
    if class_folders.find_layout(container.catalog.images):
        forms.add(SourceForm.CLASS_FOLDERS)
    if not container.catalog.images:
        forms.discard(SourceForm.TABLE)
    return tuple(sorted(forms))


def _nothing(container: Container, broken: Sequence[str]) -> str:
    reason = container.catalog.main_reason() or (broken[0] if broken else "")
    because = f" ({reason})" if reason else ""
    return (
        f"{container.title} holds no images that can be used{because}; give JPEG, PNG, WebP, BMP, "
        "GIF or TIFF images, or Parquet files with image bytes"
    )


def _name_warnings(paths: Iterable[str]) -> list[str]:
    paths = list(paths)
    warnings = []
    groups = names.confusable(paths)
    if groups:
        warnings.append(
            f"{len(groups):,} groups of file names look alike, e.g. {_quoted(groups[0])}"
        )
    for test, what in (
        (names.is_unportable, "are no valid file names on Windows"),
        (names.is_odd, "hold invisible or control characters"),
    ):
        odd = [path for path in paths if test(path)]
        if odd:
            warnings.append(f"{len(odd):,} names {what}, e.g. {_quoted(odd[:1])}")
    return warnings


def _unlabelled(count: int) -> list[str]:
    return [f"{count:,} images have no label; they can be labelled later"] if count else []


def _quoted(items: Sequence[str]) -> str:
    return ", ".join(f"'{names.shown(item)}'" for item in items[:4])
