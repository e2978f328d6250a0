"""Images that text lists name, one per line: what Clothing1M and WebVision have in common.

A list is read as a stream, an image only when its line comes.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from turn_core.errors import IngestError
from turn_core.ingest import names
from turn_core.ingest.container import Container, ItemRefused, read_image
from turn_core.ingest.source import ItemBytes
from turn_core.ingest.text_encoding import lines_of, not_utf8

OnRefused = Callable[[str, str], None]
"""Called with the name of an item, as it is, and the reason."""

_NUMBER_CHARS = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """An image that a list names. `number` is the class of its line, None where it has none."""

    key: str
    paths: tuple[str, ...]
    """Where in the source the image may lie; the first that is there counts."""
    number: int | None
    label: str | None
    true_label: str | None
    split: str
    ref: str


class Images:
    """Finds the images of entries; each is taken once."""

    def __init__(self, container: Container) -> None:
        """Use the images that the catalogue of a container has."""
        self._container = container
        self._images = container.catalog.images
        self._taken: set[str] = set()

    def find(self, entry: Entry) -> str:
        """Return the path of the image of an entry, "" where there is none."""
        return next((path for path in entry.paths if path in self._images), "")

    def take(self, entry: Entry) -> ItemBytes:
        """Return the image of an entry with its labels.

        Raises:
            ItemRefused: it is not there, was taken before, or cannot be read.
        """
        shown, path = names.shown(entry.key), self.find(entry)
        if not path:
            raise ItemRefused(f"{shown}: {self._container.title} holds no such image")
        if path in self._taken:
            raise ItemRefused(f"{shown} was already named by an earlier line")
        self._taken.add(path)
        try:
            data = read_image(self._container, path)
        except ItemRefused as error:
            raise ItemRefused(f"{shown}: {error}") from error
        return ItemBytes(entry.key, data, entry.label, entry.true_label, entry.split, entry.ref)


def read(
    container: Container, entries: Iterable[Entry], on_refused: OnRefused
) -> Iterator[ItemBytes]:
    """Yield the images of entries in their order; what cannot be taken goes to `on_refused`."""
    images = Images(container)
    for entry in entries:
        try:
            yield images.take(entry)
        except ItemRefused as error:
            on_refused(entry.ref, str(error))


def texts(container: Container, path: str) -> Iterator[tuple[str, str]]:
    """Yield (where it stands, text) of every line that is not blank, without its line end.

    Raises:
        IngestError: the list is too large, too long, or not UTF-8.
    """
    limits, title = container.catalog.limits, names.shown(path)
    size = container.catalog.layout_files[path]
    if size > limits.table_bytes:
        raise IngestError(
            f"{title} has {size:,} bytes, over the limit of {limits.table_bytes:,} for a list"
        )
    with _told_as(title), container.open(path) as stream:
        for number, line in enumerate(lines_of(stream, title), 1):
            if number > limits.table_rows:
                raise IngestError(
                    f"{title} has over {limits.table_rows:,} lines, the limit for one import"
                )
            text = line.strip()
            if text:
                yield f"{path} line {number}", text


def pairs(container: Container, path: str, on_refused: OnRefused) -> Iterator[tuple[str, str, int]]:
    """Yield (where it stands, image, class number) of every line `image number`.

    Raises:
        IngestError: as `texts`.
    """
    for ref, text in texts(container, path):
        key, _, number = text.rpartition(" ")
        plain = number.isascii() and number.isdigit() and len(number) <= _NUMBER_CHARS
        if key.strip() and plain:
            yield ref, key.strip(), int(number)
        else:
            on_refused(ref, "it is not the name of an image, a space and the number of a class")


def unique_names(container: Container, path: str) -> tuple[str, ...]:
    """Return the lines of a list as the names of classes, by their number.

    Raises:
        IngestError: as `texts`, or two lines are the same, or one is too long for a class.
    """
    found = tuple(text for _, text in texts(container, path))
    title, longest = names.shown(path), container.catalog.limits.class_name_chars
    if not found:
        raise IngestError(f"{title} is empty; it has the names of the classes, one per line")
    if len(set(found)) < len(found):
        raise IngestError(f"{title} names a class twice; every line must name another")
    if any(len(name) > longest for name in found):
        raise IngestError(f"{title} has a name of over {longest} characters, the limit for a class")
    return found


@contextmanager
def _told_as(title: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise IngestError(not_utf8(title, error)) from error
    except ItemRefused as error:
        raise IngestError(f"{title} cannot be read: {error}") from error
