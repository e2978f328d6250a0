"""WebVision 1.0 in its official layout: file lists in `info/`, images beside it.

Facts from data.vision.ee.ethz.ch/cvl/webvision/README.txt: lines of the file lists are `image
number`, line n + 1 of `synsets.txt` names class n, the labels of training images come from the
search query, those of the validation images from people. The papers train on the Google part; the
mini set is its first 50 classes (Jiang et al., 2018; DivideMix, 2020). Flickr's part is left out.
"""

from collections import Counter
from collections.abc import Iterator

from turn_core.errors import IngestError
from turn_core.ingest import key_lists
from turn_core.ingest.container import Container
from turn_core.ingest.key_lists import Entry, OnRefused
from turn_core.ingest.layouts import SYNSETS, TRAIN_FILES, VAL_FILES, Layout

MINI_CLASSES = 50

_SPLITS = {
    TRAIN_FILES: ("train", ("", "google/")),
    VAL_FILES: ("val", ("val_images_256/", "val_images/", "val_images_resized/", "val/", "")),
}
"""Split of each list, and the folders in which its images may lie."""


def missing(layout: Layout) -> str:
    """Return the sentence for a list without which nothing can be read, empty if all are there."""
    for name, use in ((TRAIN_FILES, "training images"), (SYNSETS, "names of the classes")):
        if name not in layout.files:
            return (
                f"these are lists of WebVision, but {name} with the {use} is missing; put it there"
            )
    return ""


def warnings(layout: Layout) -> list[str]:
    """Return what is to be said of a list that is not there."""
    if VAL_FILES in layout.files:
        return []
    return [f"there is no {VAL_FILES}; the validation images are left out"]


def class_names(container: Container, layout: Layout, *, mini: bool) -> tuple[str, ...]:
    """Return the words of each synset by class number; words of two synsets get the synset's id.

    Raises:
        IngestError: the list is missing or cannot be used.
    """
    if sentence := missing(layout):
        raise IngestError(sentence)
    lines = key_lists.unique_names(container, layout.files[SYNSETS])
    words = [line.partition(" ")[2].strip() or line for line in lines]
    counts = Counter(words)
    found = (
        f"{word} ({line.partition(' ')[0]})" if counts[word] > 1 else word
        for word, line in zip(words, lines, strict=True)
    )
    return tuple(found)[: MINI_CLASSES if mini else None]


def entries(
    container: Container, layout: Layout, on_refused: OnRefused, *, mini: bool
) -> Iterator[Entry]:
    """Yield the training and validation images; unusable lines go to `on_refused`.

    Raises:
        IngestError: a list is missing or cannot be read.
    """
    classes = class_names(container, layout, mini=mini)
    for name, (split, folders) in _SPLITS.items():
        if name not in layout.files:
            continue
        for ref, key, number in key_lists.pairs(container, layout.files[name], on_refused):
            if number >= len(classes):
                if not mini:
                    reason = f"its label is {number}, but there are {len(classes)} classes"
                    on_refused(ref, reason)
                continue
            yield Entry(
                key=key,
                paths=tuple(f"{layout.base}{folder}{key}" for folder in folders),
                number=number,
                label=classes[number],
                true_label=None,
                split=split,
                ref=ref,
            )
