"""What studies of a project draw from and draw: samples with their labels. N samples, C classes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from turn_core.store.arrays import load_array, save_arrays

HELD_OUT_SPLITS = frozenset({"test", "testing", "val", "valid", "validation", "dev", "eval"})
SOURCES = ("true", "trusted", "given")
"""Where the best known label of a sample comes from; `source` holds the place in this list."""

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """All N samples of a data set; classes are numbered 0..K-1, -1 for none."""

    ids: Ints
    labels: Ints
    """(N,) the labels as they are now: those that are trained on."""
    true: Ints
    """(N,) the true labels where a benchmark knows them; only figures read them."""
    trusted: Bools
    """(N,) a person confirmed or corrected the label."""
    usable: Bools
    """(N,) readable and not excluded."""
    split: Sequence[str | None]
    """(N,) the data's own split, such as train or test."""
    image_keys: Sequence[str]
    """(N,) equal for copies of one image."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """The N samples of a study. Classes are numbered 0..C-1; `classes` (C,) has their numbers."""

    ids: Ints
    rows: Ints
    """(N,) places among the candidates."""
    labels: Ints
    """(N,) the labels as they are now: those that are trained on."""
    best: Ints
    """(N,) best label known: true, else trusted, else given; -1 outside the classes."""
    source: Ints
    """(N,) where it comes from: a place in SOURCES."""
    classes: Ints
    """(C,) numbers in the data set."""
    num_available: Ints
    """() usable samples of these classes, of which these were drawn."""

    def save(self, path: Path) -> None:
        """Write it to a file, atomically: a resumed study must see the same samples."""
        save_arrays(path, {field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**{f.name: np.array(load_array(path, f.name)) for f in fields(cls)})

    def told(self, measured: Bools, *, by_split: bool) -> dict[str, Any]:
        """Return what people are told of any study; figures are those of the `measured` (N,)."""
        sources = np.bincount(self.source[measured], minlength=len(SOURCES))
        return {
            "classes": self.classes.tolist(),
            "num_available": int(self.num_available),
            "labels": dict(zip(SOURCES, sources.tolist())),
            "held_out_by": "split" if by_split else "share",
        }


def drawn_arrays(candidates: Candidates, rows: Ints, classes: Ints) -> dict[str, Ints]:
    """Return the fields of `Drawn` for these rows, but for how many there were to draw from."""
    true, trusted = candidates.true[rows], candidates.trusted[rows]
    best = np.where(true >= 0, true, candidates.labels[rows])
    known = np.isin(best, classes)
    return {
        "ids": candidates.ids[rows],
        "rows": rows,
        "labels": np.searchsorted(classes, candidates.labels[rows]),
        "best": np.where(known, np.searchsorted(classes, best), -1).astype(np.int64),
        "source": np.where(true >= 0, 0, np.where(trusted, 1, 2)).astype(np.int64),
        "classes": classes,
    }


def is_held_out(split: str | None) -> bool:
    """Return whether the data's own split names samples to measure on."""
    return plain_split(split) in HELD_OUT_SPLITS


def plain_split(split: str | None) -> str:
    """Return the name of a split as it is compared with others."""
    return (split or "").strip().lower()
