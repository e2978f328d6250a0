"""Given against true labels: expected counts by pair of classes. N samples, K classes, C cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Labels of one given class that seem to belong to another."""

    given: int
    true: int
    expected: float
    """Wrong labels of this pair: those found, plus one minus the clean probability of the rest."""
    open: int
    """Label issues of this pair that are still to review."""


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Expected number of samples by given class and true class; cells that are empty are left out.

    Ten thousand classes have a hundred million cells and few of them are in use.
    """

    num_classes: int
    given: Ints
    """(C,)."""
    true: Ints
    """(C,)."""
    expected: Floats
    """(C,); the sum over a given class is its size."""
    open: Ints
    """(C,) label issues still to review, by given and suggested class."""

    def pairs(self, limit: int) -> list[Pair]:
        """Return the pairs of different classes with the most wrong labels, at most `limit`."""
        off = np.flatnonzero((self.given != self.true) & ((self.expected > 0.5) | (self.open > 0)))
        first = off[np.argsort(-self.expected[off], kind="stable")[:limit]]
        return [
            Pair(int(self.given[i]), int(self.true[i]), float(self.expected[i]), int(self.open[i]))
            for i in first
        ]

    def dense(self) -> tuple[Floats, Ints]:
        """Return expected and open counts as matrices (K, K), given class by row."""
        shape = (self.num_classes, self.num_classes)
        expected, still = np.zeros(shape), np.zeros(shape, np.int64)
        expected[self.given, self.true], still[self.given, self.true] = self.expected, self.open
        return expected, still


def joint_matrix(
    given: Ints,
    suggested: Ints,
    decided: Ints,
    clean_probability: Floats,
    is_issue: Bools,
    num_classes: int,
) -> Joint:
    """Return the matrix: a decided sample counts for its class, another is spread over two.

    `given`, `suggested` and `decided` (N,) are classes, -1 for none: a sample without a given
    label is left out, one that nobody decided counts with its clean probability for its given class
    and with the rest for the suggested one. `is_issue` marks those at or below tau.

    Raises:
        DataError: a class is out of range.
    """
    if max(int(a.max(initial=-1)) for a in (given, suggested, decided)) >= num_classes:
        raise DataError(f"the classes of the joint matrix must be from 0 to {num_classes - 1}")
    labelled = given >= 0
    given, suggested, decided = given[labelled], suggested[labelled], decided[labelled]
    known = decided >= 0
    stays = np.where(known, decided == given, clean_probability[labelled])
    other = np.where(known, decided, np.where(suggested >= 0, suggested, given))
    asked = is_issue[labelled] & ~known & (suggested >= 0)
    keys = np.concatenate([given * num_classes + given, given * num_classes + other])
    cells, place = np.unique(keys, return_inverse=True)
    shares = np.concatenate([stays, 1 - stays]).astype(np.float64)
    expected: Floats = np.bincount(place, shares, minlength=len(cells)).astype(np.float64)
    still = np.bincount(place[len(given) :], asked, minlength=len(cells)).astype(np.int64)
    return Joint(num_classes, cells // num_classes, cells % num_classes, expected, still)
