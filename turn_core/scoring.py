"""Label quality scores and the order of review. N samples, K classes; low is suspect."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

RESOLUTION = 0.01
"""Clean probabilities below this count as equal when ranked, and so do those above 1 - this."""


def self_confidence(pred_probs: Floats, labels: NDArray[np.integer]) -> Floats:
    """Return the predicted probability of the given label (N,), 0..1 (Northcutt et al., 2021)."""
    return np.take_along_axis(pred_probs, labels[:, None], axis=1)[:, 0]


def normalized_margin(pred_probs: Floats, labels: NDArray[np.integer]) -> Floats:
    """Return the given label's probability minus the best other (N,), -1..1 (same paper).

    cleanlab returns (this + 1) / 2, which ranks alike. Needs K >= 2.
    """
    others = pred_probs.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    best_other: Floats = others.max(axis=1)
    return self_confidence(pred_probs, labels) - best_other


def rank_order(clean_probability: Floats, losses: Floats) -> NDArray[np.int64]:
    """Return the indices (N,) of the samples, worst first: the order of the review queue.

    By clean probability; within RESOLUTION of 0 or of 1, where a mixture of two Gaussians says
    no more and classes would be compared by their tails, and among equals, by falling loss;
    then by index. A loss that is not a number comes last among equals.
    """
    known = np.where(np.isfinite(losses), losses, -np.inf)
    certain = np.clip(clean_probability.astype(np.float64), RESOLUTION, 1 - RESOLUTION)
    return np.lexsort((-known, certain))
