"""Confident learning (Northcutt, Jiang & Chuang, JAIR 2021), from its formulas: a second opinion.

N samples, K classes; `pred_probs` (N, K) must be out of sample. A class that the model never
trained on apart from the sample itself cannot be judged: pass such samples in `skip`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

NO_GUESS = -1


@dataclass(frozen=True, slots=True, eq=False)
class ConfidentLearning:
    """What confident learning says of every label."""

    flagged: Bools
    """(N,) label issues, by prune-by-noise-rate on the calibrated joint."""
    guess: Ints
    """(N,) most probable class of those at or above their threshold; -1 where none is."""
    joint: Ints
    """(K, K) confident joint: counts by given class and guess."""
    noise_rate: float | None
    """Mass off the diagonal of the calibrated joint; None for no sample."""


def confident_learning(
    pred_probs: NDArray[np.floating], labels: NDArray[np.integer], *, skip: Bools | None = None
) -> ConfidentLearning:
    """Count confidently wrong labels by pair of classes, and flag so many of each pair.

    Thresholds t_j are the mean probability of class j over the samples labelled j. A sample counts
    for the most probable of the classes with p >= t. Each row of the counts is scaled to the size
    of its class; for a pair (j, k) the so many samples of j with the largest p_k - p_j are flagged.

    Raises:
        DataError: the shapes disagree, or a label is out of range.
    """
    size, num_classes = pred_probs.shape
    if labels.shape != (size,) or (size and not 0 <= labels.min() <= labels.max() < num_classes):
        raise DataError(
            f"labels must be {size} numbers from 0 to {num_classes - 1} for probabilities of "
            f"shape {pred_probs.shape}, got shape {labels.shape}"
        )
    used = np.ones(size, np.bool_) if skip is None else ~skip
    guess = np.full(size, NO_GUESS, np.int64)
    guess[used] = _guesses(pred_probs[used], labels[used])
    sure = guess >= 0
    joint = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(joint, (labels[sure], guess[sure]), 1)
    sizes = np.bincount(labels[used], minlength=num_classes)
    rows = joint.sum(axis=1, keepdims=True)
    calibrated = np.where(rows > 0, joint / np.maximum(rows, 1), np.eye(num_classes))
    calibrated = calibrated * sizes[:, None]
    wrong = calibrated * (1 - np.eye(num_classes))
    return ConfidentLearning(
        _prune(pred_probs, labels, used, np.rint(wrong).astype(np.int64)),
        guess,
        joint,
        float(wrong.sum() / sizes.sum()) if sizes.sum() else None,
    )


def _guesses(pred_probs: NDArray[np.floating], labels: NDArray[np.integer]) -> Ints:
    num_classes = pred_probs.shape[1]
    own = np.take_along_axis(pred_probs, labels[:, None], axis=1)[:, 0].astype(np.float64)
    counts = np.bincount(labels, minlength=num_classes)
    sums = np.bincount(labels, own, minlength=num_classes)
    # A class without a label has no threshold: nothing is confidently of it.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    above = np.where(pred_probs >= thresholds - 1e-6, pred_probs, -1.0)
    best = above.argmax(axis=1)
    return np.where(above[np.arange(len(above)), best] >= 0, best, NO_GUESS)


def _prune(
    pred_probs: NDArray[np.floating], labels: NDArray[np.integer], used: Bools, wrong: Ints
) -> Bools:
    flagged = np.zeros(len(labels), np.bool_)
    for given, true in zip(*np.nonzero(wrong)):
        members = np.flatnonzero(used & (labels == given))
        margin = pred_probs[members, true] - pred_probs[members, given]
        worst = np.argsort(-margin, kind="stable")[: wrong[given, true]]
        flagged[members[worst[margin[worst] > 0]]] = True
    return flagged
