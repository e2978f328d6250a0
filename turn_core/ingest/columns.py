"""What the columns of a table are for: guessed from names and values, confirmed by the user."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from turn_core.ingest.source import Role

IMAGE_NAMES = (
    *("file_name", "filename", "image", "image_path", "file_path", "filepath", "image_file"),
    *("path", "file", "img", "img_path", "image_name", "image_id", "id"),
)
LABEL_NAMES = (
    *("label", "labels", "given_label", "noisy_label", "human_label", "class", "target"),
    *("category", "class_name", "classname", "label_name", "fine_label", "species", "y"),
)
TRUE_LABEL_NAMES = (
    *("true_label", "clean_label", "true_class", "ground_truth", "gt_label", "gt", "gold_label"),
)
SPLIT_NAMES = ("split", "subset", "partition", "set", "fold", "domain")

_MATCHING_SHARE = 0.5
_MAX_ALIKE = 1000  # more images of one name are not compared: a hostile table would take hours


@dataclass(frozen=True, slots=True)
class Roles:
    """The column proposed for each role, "" where none is."""

    image: str = ""
    label: str = ""
    true_label: str = ""
    split: str = ""

    def of(self, column: str) -> Role:
        """Return the role of a column."""
        roles = {
            self.image: Role.IMAGE,
            self.label: Role.LABEL,
            self.true_label: Role.TRUE_LABEL,
            self.split: Role.SPLIT,
        }
        return roles.get(column, Role.OTHER) if column else Role.OTHER


def guess_roles(
    samples: Mapping[str, Sequence[str]],
    is_image: Callable[[str], bool],
    image_columns: Sequence[str] | None = None,
) -> Roles:
    """Return the likely role of each column.

    Args:
        samples: column name to its first values.
        is_image: whether a value names an image of the source.
        image_columns: columns that hold image bytes, where the table has such.
    """
    left = list(samples)
    if image_columns is None:
        fitting = [c for c in left if _share(samples[c], is_image) >= _MATCHING_SHARE]
        image = _first(fitting, IMAGE_NAMES) or (fitting[0] if fitting else "")
    else:
        image = _first(image_columns, IMAGE_NAMES) or image_columns[0]
    left = [column for column in left if column != image]
    label = _first(left, LABEL_NAMES)
    true_label = _first([c for c in left if c != label], TRUE_LABEL_NAMES)
    if not label:
        label, true_label = true_label, ""
    split = _first([c for c in left if c not in (label, true_label)], SPLIT_NAMES)
    return Roles(image, label, true_label, split)


def _share(values: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(test(value) for value in values) / len(values) if values else 0.0


def _first(columns: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the column that stands first in `wanted`, letter case and separators aside."""
    by_key = {_key(column): column for column in reversed(columns)}
    return next((by_key[name] for name in wanted if name in by_key), "")


def _key(column: str) -> str:
    return column.strip().lower().replace(" ", "_").replace("-", "_")


class ImageIndex:
    """Finds the image that a cell of a table names."""

    def __init__(self, images: Mapping[str, object], table: str) -> None:
        """Index `images` by path; `table` is the path of the table inside the same source."""
        self._images = images
        self._base = table.rpartition("/")[0]
        self._by_last: dict[str, list[str]] = {}
        for path in images:
            last = path.rpartition("/")[2]
            for key in {last, last.rpartition(".")[0]} - {""}:
                self._by_last.setdefault(key, []).append(path)

    def find(self, value: str) -> tuple[str, str]:
        """Return (path, "") of the image, or ("", reason) where none or several fit.

        A path counts from the table's folder, then from the top; else the end of exactly one
        image's path must fit, with or without its suffix.
        """
        name = value.removeprefix("./")
        for candidate in (f"{self._base}/{name}" if self._base else name, name):
            if candidate in self._images:
                return candidate, ""
        alike = self._by_last.get(name.rpartition("/")[2], ())
        found = [path for path in alike if _ends(path, name)] if len(alike) <= _MAX_ALIKE else alike
        if len(found) == 1:
            return found[0], ""
        return "", "several images fit its name" if found else "the source holds no such image"


def _ends(path: str, name: str) -> bool:
    """Whether the path, with or without its suffix, ends in the whole parts of `name`."""
    suffix_len = len(path.rpartition("/")[2].rpartition(".")[2]) + 1
    return any(f"/{end}".endswith(f"/{name}") for end in (path, path[:-suffix_len]))
