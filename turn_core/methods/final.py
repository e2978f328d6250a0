"""Final scores from those of the passes. N samples, P passes."""

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


def combine(losses: Floats) -> Floats:
    """Return the loss (N,) of the final scores from those of all passes (P, N).

    The mean of the first pass and the last: the bounded loss on frozen features of step 1 and the
    better features of step 2 err on different samples. docs/parity/turn_step2.md compares them.
    """
    mean: Floats = (losses[0] + losses[-1]) / 2
    return mean


def fill_excluded(
    clean_probability: NDArray[np.floating],
    losses: Floats,
    labels: NDArray[np.int64],
    *,
    excluded: Bools,
    trusted: Bools,
) -> Floats:
    """Return (N,) clean probabilities from those of the samples that are not excluded.

    An excluded sample gets what its loss (N,) would have got in its class: read off, between the
    two samples with the nearest losses, of those that are neither excluded nor trusted.
    """
    clean = np.ones(len(losses), np.float32)
    clean[~excluded] = clean_probability
    fitted = ~excluded & ~trusted & np.isfinite(losses)
    for label in np.unique(labels[excluded]):
        known = np.flatnonzero(fitted & (labels == label))
        asked = np.flatnonzero(excluded & (labels == label))
        if len(known):
            known = known[np.argsort(losses[known], kind="stable")]
            clean[asked] = np.interp(losses[asked], losses[known], clean[known])
    return clean
