"""Labels from folders: `[top/][train|val|test/]class/.../image`, found out from the paths alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SPLIT_NAMES = frozenset({"train", "training", "val", "valid", "validation", "dev", "test"})
UNLABELLED = frozenset({"_unlabeled", "_unlabelled"})
"""Images in a folder of this name have no label (FiftyOne's convention)."""


@dataclass(frozen=True, slots=True)
class FolderLabel:
    """What the path of an image says; the label is None outside of a class folder."""

    label: str | None
    split: str | None


@dataclass(frozen=True, slots=True)
class Layout:
    """How many folder levels stand above the split and the class."""

    num_top: int
    has_split: bool

    def label_of(self, path: str) -> FolderLabel:
        """Return the label and split of an image by its path."""
        folders = path.split("/")[:-1][self.num_top :]
        split = folders.pop(0) if self.has_split and folders else None
        label = folders[0] if folders and folders[0] not in UNLABELLED else None
        return FolderLabel(label, split)


def find_layout(paths: Iterable[str]) -> Layout | None:
    """Return the layout of the images' folders, or None where no image lies in a folder.

    A folder that all images share is taken for wrapping as long as most images lie deeper; a
    level whose folders are all named like splits, with most images deeper, is the split.
    """
    folders = [path.split("/")[:-1] for path in paths]
    folders = [parts for parts in folders if parts]
    if not folders:
        return None
    top = 0
    while _mostly_deeper(folders, top) and not _are_splits(folders, top):
        if len({parts[top] for parts in folders if len(parts) > top}) > 1:
            break
        top += 1
    return Layout(top, _mostly_deeper(folders, top) and _are_splits(folders, top))


def _mostly_deeper(folders: list[list[str]], level: int) -> bool:
    return 2 * sum(len(parts) > level + 1 for parts in folders) > len(folders)


def _are_splits(folders: list[list[str]], level: int) -> bool:
    return all(parts[level].lower() in SPLIT_NAMES for parts in folders if len(parts) > level)


def count_labels(layout: Layout, paths: Mapping[str, object]) -> tuple[Counter[str], set[str], int]:
    """Return images per class, the splits, and the number of images without a label."""
    counts: Counter[str] = Counter()
    splits: set[str] = set()
    num_unlabelled = 0
    for path in paths:
        found = layout.label_of(path)
        if found.label is None:
            num_unlabelled += 1
        else:
            counts[found.label] += 1
        if found.split is not None:
            splits.add(found.split)
    return counts, splits, num_unlabelled
