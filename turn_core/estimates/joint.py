"""Given against true labels: expected counts by pair of classes. N samples, K classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_CLASS = -1


@dataclass(frozen=True, slots=True)
class Pair:
    """Labels of one given class that seem to belong to another."""

    given: int
    true: int
    expected: float
    """Wrong labels of this pair: those found, plus the clean probabilities' complement."""
    open: int
    """Label issues of this pair that are still to review."""


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Expected number of samples by given class (row) and true class (column)."""

    counts: Floats
    """(K, K); row sums are the class sizes."""
    open: Ints
    """(K, K) label issues still to review, by given and suggested class."""

    def pairs(self, limit: int) -> list[Pair]:
        """Return the pairs off the diagonal with the most wrong labels, at most `limit`."""
        off = self.counts * (1 - np.eye(len(self.counts)))
        places = np.argsort(-off, axis=None, kind="stable")[:limit]
        cells = [(int(place) // len(off), int(place) % len(off)) for place in places]
        return [
            Pair(given, true, float(off[given, true]), int(self.open[given, true]))
            for given, true in cells
            if off[given, true] > 0.5 or self.open[given, true]
        ]


def joint_matrix(
    given: Ints,
    suggested: Ints,
    decided: Ints,
    clean_probability: Floats,
    is_issue: Bools,
    num_classes: int,
) -> Joint:
    """Return the matrix: a decided sample counts for its class, another is spread over two.

    `given`, `suggested` and `decided` (N,) are classes; `decided` is NO_CLASS where nobody decided,
    `given` where there is no label (left out). An undecided sample counts with its clean
    probability for its given class and with the rest for the suggested one. `is_issue` marks those
    that are open and at or below tau.

    Raises:
        DataError: a class is out of range.
    """
    if max((int(a.max(initial=0)) for a in (given, suggested, decided)), default=0) >= num_classes:
        raise DataError(f"classes of the joint matrix must be below {num_classes}")
    labelled = given >= 0
    given, suggested, decided = given[labelled], suggested[labelled], decided[labelled]
    clean, issue = clean_probability[labelled], is_issue[labelled]
    known = decided >= 0
    stays = np.where(known, (decided == given).astype(np.float64), clean)
    other = np.where(known, decided, np.where(suggested >= 0, suggested, given))
    counts = np.zeros((num_classes, num_classes))
    np.add.at(counts, (given, given), stays)
    np.add.at(counts, (given, other), 1 - stays)
    still = np.zeros((num_classes, num_classes), np.int64)
    asked = issue & ~known & (suggested >= 0)
    np.add.at(still, (given[asked], suggested[asked]), 1)
    return Joint(counts, still)
