"""Transition matrices (K, K): T[i, j] = P(label after = j | label before = i), rows sum to 1.

Class-conditional noise is its matrix; these functions check one, draw from one, measure one.
"""

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError
from turn_core.seeds import derive

Floats = NDArray[np.float64]


def check_transition(transition: Floats) -> None:
    """Raise DataError unless `transition` (K, K) is square with rows of probabilities."""
    num_classes = len(transition)
    if transition.shape != (num_classes, num_classes) or not (transition >= 0).all():
        raise DataError(
            f"a transition matrix is square and not negative, got shape {transition.shape} "
            f"with minimum {transition.min(initial=0)}"
        )
    sums = transition.sum(axis=1)
    if not np.allclose(sums, 1):
        raise DataError(f"rows of a transition matrix sum to 1, got {sums.min()} to {sums.max()}")


def check_labels(labels: NDArray[np.integer], num_classes: int) -> None:
    """Raise DataError unless all of `labels` (N,) are from 0 to num_classes - 1."""
    if labels.ndim != 1:
        raise DataError(f"labels must be one number per sample, got shape {labels.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise DataError(
            f"labels must be from 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
        )


def uniform_draws(num_samples: int, *, seed: int) -> Floats:
    """Return one number (N,) in [0, 1) per sample, from the stream that decides on flips.

    The stream is noise's own: with the seed of a run, a draw of that run never repeats these.
    """
    return np.random.default_rng(derive(seed, "noise")).random(num_samples)


def inject(labels: NDArray[np.integer], transition: Floats, *, seed: int) -> NDArray[np.int64]:
    """Return labels (N,) drawn from the row of `transition` (K, K) that each true label names.

    One uniform draw per sample, in order: the same seed gives the same labels.

    Raises:
        DataError: the matrix is not square with rows of probabilities, or a label is not 0..K-1.
    """
    check_transition(transition)
    check_labels(labels, len(transition))
    draw = uniform_draws(len(labels), seed=seed)
    edges = np.cumsum(transition, axis=1)[:, :-1]  # the last edge is 1: no draw reaches it
    drawn: NDArray[np.int64] = (draw[:, None] >= edges[labels]).sum(axis=1)
    return drawn


def measured_transition(
    before: NDArray[np.integer], after: NDArray[np.integer], num_classes: int
) -> Floats:
    """Return the matrix (K, K) by which labels `before` (N,) became labels `after` (N,).

    The row of a class without samples is that of the identity: nothing of it was seen to flip.
    """
    counts = np.zeros((num_classes, num_classes))
    np.add.at(counts, (before, after), 1)
    sizes = counts.sum(axis=1)
    empty = np.flatnonzero(sizes == 0)
    counts[empty, empty] = 1
    return np.asarray(counts / np.maximum(sizes, 1)[:, None])
