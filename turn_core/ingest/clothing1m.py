"""Clothing1M in its official layout: key lists for the splits, labels in two files beside them.

The lists are those of github.com/Cysu/noisy_label (Xiao et al., CVPR 2015): `*_label_kv.txt` has
lines `image number`, `*_key_list.txt` lines `image`. An image with both labels gets the noisy one
as given and the clean one as true label; an image with one of them gets that as given label.
"""

from collections.abc import Iterator, Mapping

from turn_core.errors import IngestError
from turn_core.ingest import key_lists
from turn_core.ingest.container import Container
from turn_core.ingest.key_lists import Entry, OnRefused
from turn_core.ingest.layouts import CATEGORIES, CLEAN_LABELS, KEY_LISTS, NOISY_LABELS, Layout

NUM_CLASSES = 14
_NOISY_KEYS = next(iter(KEY_LISTS))
_IMAGES = "images/"
"""Keys begin with this folder; some unpack the images without it."""


def missing(layout: Layout) -> str:
    """Return the sentence for a list without which nothing can be read, empty if all are there."""
    for name, use in ((NOISY_LABELS, "the labels"), (_NOISY_KEYS, "the training images")):
        if name not in layout.files:
            return f"these are lists of Clothing1M, but {name} with {use} is missing; put it there"
    return ""


def warnings(layout: Layout) -> list[str]:
    """Return what is to be said of lists that are not there."""
    found = []
    if CATEGORIES not in layout.files:
        found.append(f"there is no {CATEGORIES}; the classes are called 0 to {NUM_CLASSES - 1}")
    if CLEAN_LABELS not in layout.files:
        found.append(f"there is no {CLEAN_LABELS}; no sample has a true label")
    else:
        absent = [name for name in KEY_LISTS if name not in layout.files]
        found += [f"there is no {name}; its images are left out" for name in absent]
    return found


def class_names(container: Container, layout: Layout) -> tuple[str, ...]:
    """Return the English names of the categories by number, the numbers where there are none.

    Raises:
        IngestError: the list of names cannot be used.
    """
    if CATEGORIES in layout.files:
        return key_lists.unique_names(container, layout.files[CATEGORIES])
    return tuple(map(str, range(NUM_CLASSES)))


def entries(container: Container, layout: Layout, on_refused: OnRefused) -> Iterator[Entry]:
    """Yield the images of all key lists with their labels; unusable lines go to `on_refused`.

    Raises:
        IngestError: a list is missing or cannot be read.
    """
    if sentence := missing(layout):
        raise IngestError(sentence)
    classes = class_names(container, layout)
    noisy = _labels(container, layout, NOISY_LABELS, on_refused)
    clean = _labels(container, layout, CLEAN_LABELS, on_refused)
    for name, split in KEY_LISTS.items():
        if name not in layout.files or (split != "train" and CLEAN_LABELS not in layout.files):
            continue
        for ref, key in key_lists.texts(container, layout.files[name]):
            given, true = noisy.get(key), clean.get(key)
            if given is None:
                given, true = true, None
            largest = max(number for number in (given, true, 0) if number is not None)
            if largest >= len(classes):
                on_refused(ref, f"its label is {largest}, but there are {len(classes)} classes")
                continue
            yield Entry(
                key=key,
                paths=(layout.base + key, layout.base + key.removeprefix(_IMAGES)),
                number=given,
                label=None if given is None else classes[given],
                true_label=None if true is None else classes[true],
                split=split,
                ref=ref,
            )


def _labels(
    container: Container, layout: Layout, name: str, on_refused: OnRefused
) -> Mapping[str, int]:
    if name not in layout.files:
        return {}
    lines = key_lists.pairs(container, layout.files[name], on_refused)
    return {key: number for _, key, number in lines}
