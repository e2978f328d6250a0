"""CIFAR-100 in its python version: `train`, `test` and `meta`, the pickles of its authors.

Every row becomes a PNG with the fine class as label and the batch as split. A batch holds rows of
3,072 bytes, the red, green and blue planes of a 32 x 32 image (cs.toronto.edu/~kriz/cifar.html).
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO

from PIL import Image

from turn_core.errors import IngestError
from turn_core.ingest import cifar_process, names
from turn_core.ingest.cifar_child import ROW_BYTES
from turn_core.ingest.container import Container
from turn_core.ingest.layouts import CIFAR_BATCHES, CIFAR_META, Layout
from turn_core.ingest.source import ItemBytes

SIDE_PX = 32


def missing(layout: Layout) -> str:
    """Return the sentence for a file without which nothing can be read, empty if all are there."""
    if CIFAR_META in layout.files:
        return ""
    there = " and ".join(names.shown(path) for path in layout.files.values())
    return (
        f"there are {there} of CIFAR-100, but no file meta beside them, which has the names of the "
        "classes; put it there"
    )


def warnings(layout: Layout) -> list[str]:
    """Return what is to be said of a batch that is not there."""
    absent = [batch for batch in CIFAR_BATCHES if batch not in layout.files]
    return [f"there is no batch {batch}; the others are imported" for batch in absent]


def class_names(container: Container, layout: Layout) -> tuple[str, ...]:
    """Return the fine classes in the order of their numbers.

    Raises:
        IngestError: `meta` is not there or cannot be opened.
    """
    _require(layout)
    with cifar_process.opened(container, layout.files[CIFAR_META], "meta") as (told, _):
        found = tuple(told["classes"])
    if not all(map(names.is_unicode, found)):
        raise IngestError(f"{layout.files[CIFAR_META]} has a class name that is no valid Unicode")
    return found


def label_counts(
    container: Container, layout: Layout, classes: tuple[str, ...]
) -> Iterator[tuple[str, Counter[str]]]:
    """Yield each batch that is there with how many rows each class has in it.

    Raises:
        IngestError: a batch cannot be opened.
    """
    for batch in _batches(layout):
        with cifar_process.opened(container, layout.files[batch], "batch") as (told, _):
            yield batch, Counter(classes[i] for i in told["labels"] if i < len(classes))


def read(
    container: Container, layout: Layout, on_refused: Callable[[str, str], None]
) -> Iterator[ItemBytes]:
    """Yield every row as a PNG; a row whose label has no name goes to `on_refused`.

    Raises:
        IngestError: a file is not there or cannot be opened.
    """
    classes = class_names(container, layout)
    for batch in _batches(layout):
        path = layout.files[batch]
        with cifar_process.opened(container, path, "batch") as (told, pixels):
            for row, label in enumerate(told["labels"]):
                data, ref = _row(pixels, path), f"{path} row {row + 1}"
                if label >= len(classes):
                    on_refused(ref, f"its label is {label}, but meta names {len(classes)} classes")
                    continue
                name = _name(container, batch, row, told["names"])
                yield ItemBytes(name, _png(data), classes[label], split=batch, row_ref=ref)


def _require(layout: Layout) -> None:
    if sentence := missing(layout):
        raise IngestError(sentence)


def _batches(layout: Layout) -> list[str]:
    return [batch for batch in CIFAR_BATCHES if batch in layout.files]


def _row(pixels: BinaryIO, path: str) -> bytes:
    data = pixels.read(ROW_BYTES)
    if len(data) < ROW_BYTES:
        raise IngestError(f"{names.shown(path)} could not be read to its end; import it again")
    return data


def _name(container: Container, batch: str, row: int, told: list[str]) -> str:
    """Name a row by its place, with the name that the authors gave it where that is a plain one."""
    plain = told[row] if told else ""
    usable = bool(plain) and "/" not in plain and not names.refusal(plain, container.catalog.limits)
    return f"{batch}/{row:05d}-{plain}" if usable else f"{batch}/{row:05d}.png"


def _png(data: bytes) -> bytes:
    plane = ROW_BYTES // 3
    bands = [
        Image.frombytes("L", (SIDE_PX, SIDE_PX), data[start : start + plane])
        for start in range(0, ROW_BYTES, plane)
    ]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "PNG", compress_level=1)
    return out.getvalue()
