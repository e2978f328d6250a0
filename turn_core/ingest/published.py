"""Published data sets in their official layouts, each read by its own module: one door to them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from turn_core.errors import IngestError
from turn_core.ingest import cifar, clothing1m, key_lists, webvision
from turn_core.ingest.container import Container
from turn_core.ingest.key_lists import Entry
from turn_core.ingest.layouts import Layout
from turn_core.ingest.source import ItemBytes, SourceForm

OnRefused = Callable[[str, str], None]
"""Called with the name of an item, as it is, and the reason."""

FORMS = (
    SourceForm.CIFAR100,
    SourceForm.CLOTHING1M,
    SourceForm.WEBVISION,
    SourceForm.WEBVISION_MINI,
)


class _PublishedSet(Protocol):
    """What the module of each data set says of the lists or batches that are there."""

    def missing(self, layout: Layout) -> str: ...

    def warnings(self, layout: Layout) -> list[str]: ...


_SETS: Mapping[SourceForm, _PublishedSet] = {
    SourceForm.CIFAR100: cifar,
    SourceForm.CLOTHING1M: clothing1m,
    SourceForm.WEBVISION: webvision,
}


@dataclass(slots=True)
class Found:
    """What a look at a published data set gave; `form` is the proposed one of `forms`."""

    form: SourceForm
    forms: tuple[SourceForm, ...]
    problem: str = ""
    classes: tuple[str, ...] = ()
    labels: Counter[str] = field(default_factory=Counter)
    splits: set[str] = field(default_factory=set)
    num_images: int = 0
    num_bytes: int = 0
    num_left: int = 0
    """Files beside the pickles of CIFAR-100, which has one in its archive; they are left out."""
    warnings: list[str] = field(default_factory=list)


def look(container: Container) -> Found | None:
    """Return what a source holds in the layout that its catalogue recognised, None without one.

    The lists are read, and the pickles of CIFAR-100; no image is.

    Raises:
        IngestError: a list or pickle cannot be read.
    """
    layout = container.catalog.layout
    if layout is None:
        return None
    forms = (layout.form, *_parts(layout.form))
    found = Found(
        layout.form,
        forms,
        problem=_SETS[layout.form].missing(layout),
        warnings=_SETS[layout.form].warnings(layout),
    )
    if found.problem:
        return found
    if layout.form is SourceForm.CIFAR100:
        _look_at_pickles(container, layout, found)
    else:
        _look_at_lists(container, layout, found)
    return found


def declared_classes(container: Container, form: str) -> tuple[str, ...]:
    """Return the class names that the layout gives, in the order of their numbers.

    Raises:
        IngestError: the source has not this layout, or a list cannot be read.
    """
    layout = _layout(container, form)
    if form == SourceForm.CIFAR100:
        return cifar.class_names(container, layout)
    if form == SourceForm.CLOTHING1M:
        return clothing1m.class_names(container, layout)
    return webvision.class_names(container, layout, mini=form == SourceForm.WEBVISION_MINI)


def read(container: Container, form: str, on_refused: OnRefused) -> Iterator[ItemBytes]:
    """Yield the images in the order of batches or lists; unusable ones go to `on_refused`.

    Raises:
        IngestError: the source has not this layout, or a list or pickle cannot be read.
    """
    layout = _layout(container, form)
    if form == SourceForm.CIFAR100:
        yield from cifar.read(container, layout, on_refused)
    else:
        yield from key_lists.read(
            container, _entries(container, layout, form, on_refused), on_refused
        )


def _entries(
    container: Container, layout: Layout, form: str, on_refused: OnRefused
) -> Iterator[Entry]:
    if form == SourceForm.CLOTHING1M:
        return clothing1m.entries(container, layout, on_refused)
    mini = form == SourceForm.WEBVISION_MINI
    return webvision.entries(container, layout, on_refused, mini=mini)


def _layout(container: Container, form: str) -> Layout:
    layout = container.catalog.layout
    there = () if layout is None else (layout.form, *_parts(layout.form))
    if layout is None or form not in there:
        raise IngestError(f"{container.title} is not laid out as {form}; look into it again")
    return layout


def _parts(form: SourceForm) -> tuple[SourceForm, ...]:
    """Parts of a data set that can be imported alone."""
    return (SourceForm.WEBVISION_MINI,) if form is SourceForm.WEBVISION else ()


def _look_at_pickles(container: Container, layout: Layout, found: Found) -> None:
    found.classes = cifar.class_names(container, layout)
    for batch, labels in cifar.label_counts(container, layout, found.classes):
        found.labels += labels
        found.splits.add(batch)
    found.num_images = found.labels.total()
    found.num_bytes = sum(container.catalog.layout_files.values())
    found.num_left = len(container.catalog.images)


def _look_at_lists(container: Container, layout: Layout, found: Found) -> None:
    """Count what the lists name; propose WebVision's mini set where no other image is there."""
    counts = {form: _Count(container) for form in found.forms}
    for entry in _entries(container, layout, layout.form, _ignore):
        for form, count in counts.items():
            if form is not SourceForm.WEBVISION_MINI or _is_mini(entry):
                count.add(entry)
    mini = counts.get(SourceForm.WEBVISION_MINI)
    whole = counts[layout.form]
    if (
        mini is not None
        and mini.num_images == whole.num_images
        and mini.num_lines < whole.num_lines
    ):
        found.form = SourceForm.WEBVISION_MINI
    count = counts[found.form]
    found.classes = declared_classes(container, found.form)
    found.labels, found.splits = count.labels, count.splits
    found.num_images, found.num_bytes = count.num_images, count.num_bytes
    found.warnings += count.warnings(len(container.catalog.images))


def _is_mini(entry: Entry) -> bool:
    return entry.number is not None and entry.number < webvision.MINI_CLASSES


class _Count:
    """What is there of the images that lists name."""

    def __init__(self, container: Container) -> None:
        self._images = key_lists.Images(container)
        self._sizes = container.catalog.images
        self._seen: set[str] = set()
        self.labels: Counter[str] = Counter()
        self.splits: set[str] = set()
        self.num_lines = self.num_missing = self.num_unlabelled = 0
        self.num_images = self.num_bytes = 0

    def add(self, entry: Entry) -> None:
        self.num_lines += 1
        path = self._images.find(entry)
        if not path or path in self._seen:
            self.num_missing += not path
            return
        self._seen.add(path)
        self.num_images += 1
        self.num_bytes += self._sizes[path]
        self.splits.add(entry.split)
        if entry.label is None:
            self.num_unlabelled += 1
        else:
            self.labels[entry.label] += 1

    def warnings(self, num_there: int) -> list[str]:
        found = []
        if self.num_missing:
            found.append(
                f"{self.num_missing:,} listed images are not there; the import names each of them"
            )
        if others := num_there - self.num_images:
            found.append(f"{others:,} images are in no list that is read, and are left out")
        if self.num_unlabelled:
            found.append(
                f"{self.num_unlabelled:,} images have no label; they can be labelled later"
            )
        return found


def _ignore(_name: str, _reason: str) -> None:
    """Unusable lines are reported by the import, where they are known by number."""
