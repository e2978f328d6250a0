"""Official layouts of published data sets, recognised by the names of their lists and batches.

Names alone decide, so that a folder of a million images is known before it is walked. Facts:
CIFAR-100's python version is `train`, `test` and `meta` (cs.toronto.edu/~kriz/cifar.html);
Clothing1M has key lists beside `images/` (github.com/Cysu/noisy_label); WebVision 1.0 has file
lists in `info/` (data.vision.ee.ethz.ch/cvl/webvision/README.txt).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turn_core.ingest.source import SourceForm

CIFAR_META = "meta"
CIFAR_BATCHES = ("train", "test")

NOISY_LABELS = "noisy_label_kv.txt"
CLEAN_LABELS = "clean_label_kv.txt"
CATEGORIES = "category_names_eng.txt"
KEY_LISTS = {
    "noisy_train_key_list.txt": "train",
    "clean_train_key_list.txt": "clean_train",
    "clean_val_key_list.txt": "val",
    "clean_test_key_list.txt": "test",
}
"""Clothing1M's key lists and the split that the samples of each get."""

TRAIN_FILES = "train_filelist_google.txt"
VAL_FILES = "val_filelist.txt"
SYNSETS = "synsets.txt"

LIST_FOLDERS = ("info", "annotations")
"""Folders that hold the lists; the images lie beside such a folder."""

_MANY = 3

_NAMES = {
    SourceForm.CIFAR100: frozenset({CIFAR_META, *CIFAR_BATCHES}),
    SourceForm.CLOTHING1M: frozenset({NOISY_LABELS, CLEAN_LABELS, CATEGORIES, *KEY_LISTS}),
    SourceForm.WEBVISION: frozenset({TRAIN_FILES, VAL_FILES, SYNSETS}),
}
_ALL = frozenset().union(*_NAMES.values())


@dataclass(frozen=True, slots=True)
class Layout:
    """A recognised layout: its form, the folder of its lists, and what the folder has of them."""

    form: SourceForm
    folder: str
    files: Mapping[str, str]
    """Name to path of each list or batch that is there."""

    @property
    def base(self) -> str:
        """The folder from which the lists count, "" for the top, else with a slash at its end."""
        above, _, last = self.folder.rpartition("/")
        folder = above if last in LIST_FOLDERS else self.folder
        return f"{folder}/" if folder else ""


def may_belong(name: str) -> bool:
    """Whether a file is called like a list or batch of some layout."""
    return name.rpartition("/")[2] in _ALL


def find(paths: Iterable[str], *, num_others: int = 0) -> Layout | None:
    """Return the layout that some files make up, the one nearest to the top; None without any.

    Two batches without their `meta` are CIFAR-100 only where next to nothing else is there
    (`num_others` files): folders of images may have files called `train` and `test` beside them.
    """
    folders: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for path in paths:
        folder, _, last = path.rpartition("/")
        folders[folder][last] = path
    for folder in sorted(folders, key=lambda name: (name.count("/"), name)):
        for form, names in _NAMES.items():
            files = {name: path for name, path in folders[folder].items() if name in names}
            if _is_enough(form, files, num_others):
                return Layout(form, folder, files)
    return None


def _is_enough(form: SourceForm, files: Mapping[str, str], num_others: int) -> bool:
    """Whether these files can be of no other source: two of three batches, or a telling list."""
    if form is SourceForm.CIFAR100:
        return len(files) > 1 and (CIFAR_META in files or num_others < _MANY)
    if form is SourceForm.CLOTHING1M:
        return any(name in files for name in (NOISY_LABELS, *KEY_LISTS))
    return TRAIN_FILES in files or len(files) > 1
