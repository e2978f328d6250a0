"""How likely an error is along a queue: what the model says, bent by decisions.

n samples in the order of their queue, G groups of neighbours in it, C given classes, D draws. The
log odds of an error are f of the sample's group plus b of its class: L = G + C unknowns. f is a
Gaussian process around the model's log odds, which may be off as a whole, in their slope, and
smoothly along the queue; b says that some classes are harder than others. Decisions enter as
binomial counts per group and class; the posterior is Laplace's approximation.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CAUTION = 0.5
"""Log odds above 0 are shrunk by this: a mixture is too sure of what it calls wrong."""
LIMITS = (-4.6, 9.2)
"""Log odds of an error are kept within: 1 % at the clean end, where a mixture's tail says no more;
0.01 % off at the other."""
DECLINE = 2.5
"""Log odds above 0 are at most this times log(errors that the model expects / place): a mixture
puts the first and the last of its upper group at the same 100 %, though errors thin out between
them, down to even odds where the expected errors end."""
UNKNOWN = -3.5
"""Log odds in the middle of a queue whose model gives no probabilities, only the order."""

OFFSET, SLOPE, BEND, LENGTH, ROUGH = 0.7, 0.5, 2.0, 0.5, 0.2
"""Prior deviations of f: as a whole; per unit of the model's log odds, on either side of 0; along
the queue, alike within LENGTH in log odds of the place; per group. Chosen on simulated projects so
that the intervals hold what they promise: benchmarks/estimate_coverage.py."""
UNKNOWN_OFFSET = 2.0
"""The first of them where the model gives no probabilities."""
CLASS = 0.7
"""Prior deviation of b: by it the labels of one given class are wrong more often than another's
at the same place. Who reviews class by class learns of these classes, less of the others."""
MAX_CLASSES = 200
"""Of more classes, those whose numbers are so far apart share a b."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The M cells that hold any sample, a cell being a group and a class."""

    edges: Ints
    """(G + 1,) places where groups begin and end."""
    num_classes: int
    """C."""
    group: Ints
    """(M,) number of the cell's f among the unknowns, ascending."""
    of_class: Ints
    """(M,) number of its b."""
    cell: Ints
    """(n,) the cell of each sample."""

    @classmethod
    def of(cls, edges: Ints, given: Ints) -> "Grid":
        """Return the cells of samples whose given class has these numbers (n,)."""
        num_groups = len(edges) - 1
        classes, number = np.unique(given % MAX_CLASSES, return_inverse=True)
        group = np.repeat(np.arange(num_groups), np.diff(edges))
        code, cell = np.unique(group * len(classes) + number, return_inverse=True)
        of_class = num_groups + code % len(classes)
        return cls(edges, len(classes), code // len(classes), of_class, cell)

    def count(self, mask: Bools) -> Ints:
        """Return the samples of the mask (n,) in each cell (M,)."""
        return np.bincount(self.cell[mask], minlength=len(self.group))


def prior(clean_probability: Floats, believed: Bools, grid: Grid) -> tuple[Floats, Floats]:
    """Return mean (L,) and covariance (L, L) of the unknowns before any decision."""
    n = len(clean_probability)
    place = -_logit((np.arange(n) + 0.5) / n)
    odds = np.where(believed, _told(clean_probability, believed), UNKNOWN + CAUTION * place)
    starts, sizes = grid.edges[:-1], np.diff(grid.edges)
    x, z, known = (np.add.reduceat(v, starts) / sizes for v in (odds, place, believed * 1.0))
    offset = OFFSET * known + UNKNOWN_OFFSET * (1 - known)
    covariance = np.zeros((len(x) + grid.num_classes,) * 2)
    along = covariance[: len(x), : len(x)]
    along += np.outer(offset, offset)
    for side in (np.maximum(x, 0), np.minimum(x, 0)):
        along += SLOPE**2 * np.outer(side, side)
    along += BEND**2 * np.exp(-0.5 * ((z[:, None] - z) / LENGTH) ** 2)
    own = np.repeat([ROUGH**2, CLASS**2], [len(x), grid.num_classes])
    covariance[np.diag_indices_from(covariance)] += own
    return np.concatenate([x, np.zeros(grid.num_classes)]), covariance


def posterior(
    mean: Floats, covariance: Floats, grid: Grid, decided: Ints, wrong: Ints, *, steps: int = 60
) -> tuple[Floats, Floats]:
    """Return the mode (L,) and its covariance, given errors among the decided of each cell (M,).

    By Newton's method (Rasmussen & Williams, 2006, 3.4), its curvature taken in all unknowns.
    """
    seen = decided > 0
    group, of_class = grid.group[seen], grid.of_class[seen]
    decided, wrong = decided[seen], wrong[seen]
    h, size = mean.copy(), len(mean)
    for _ in range(steps):
        p = _sigmoid(h[group] + h[of_class])
        weight, rest = decided * p * (1 - p), wrong - decided * p
        curvature = np.zeros((size, size))
        for one, other in product((group, of_class), repeat=2):
            np.add.at(curvature, (one, other), weight)
        pull = np.bincount(group, rest, size) + np.bincount(of_class, rest, size)
        solve = np.eye(size) + covariance @ curvature
        target = covariance @ (curvature @ (h - mean) + pull)
        step = mean + np.linalg.solve(solve, target) - h
        h = h + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-7:
            break
    found = np.linalg.solve(solve, covariance)
    return h, (found + found.T) / 2 + 1e-9 * np.eye(size)


def group_rates(draws: Floats, grid: Grid, sizes: Ints) -> tuple[Ints, Floats]:
    """Return how many samples each group has (G,), and the mean share of errors among them (G, D).

    `draws` (D, L) of the unknowns; `sizes` (M,) are the samples to speak of in each cell. A group
    without any gets its share at an average class.
    """
    num_groups = len(grid.edges) - 1
    totals = np.bincount(grid.group, sizes, num_groups).astype(np.int64)
    rates = _sigmoid(draws[:, :num_groups]).T
    held = np.flatnonzero(sizes)
    group, starts = np.unique(grid.group[held], return_index=True)
    if len(group):
        cells = _sigmoid(draws[:, grid.group[held]] + draws[:, grid.of_class[held]]).T
        cells *= sizes[held, None]
        rates[group] = np.add.reduceat(cells, starts) / totals[group, None]
    return totals, np.clip(rates, 0, 1)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))


def _told(clean_probability: Floats, believed: Bools) -> Floats:
    """Return the log odds of an error (n,) that a model's clean probabilities are taken for."""
    wrong = np.clip(1 - clean_probability, 1e-12, 1 - 1e-12)
    odds = np.clip(_logit(wrong), *LIMITS)
    expected = max(1.0, float(wrong[believed].sum()))
    thinning = DECLINE * np.log(expected / (np.arange(len(odds)) + 0.5))
    return np.where(odds > 0, np.minimum(CAUTION * odds, np.maximum(thinning, 0)), odds)


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share / (1 - share)))
