"""How far probabilities and expected counts were from what came out. N samples, T thresholds."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def calibration_error(probability: Floats, outcome: NDArray[np.bool_]) -> float | None:
    """Return the expected calibration error (Guo et al., 2017) of probabilities (N,), in 0..1.

    Ten bins of equal width; the mean, over samples, of |mean probability - share of outcomes| of
    their bin. None for no sample.
    """
    if not len(probability):
        return None
    bins = np.minimum((np.asarray(probability) * 10).astype(np.int64), 9)
    gaps = np.bincount(bins, probability - outcome.astype(np.float64), minlength=10)
    return float(np.abs(gaps).sum() / len(probability))


def expected_error_gap(expected: Floats, actual: Floats, to_review: Floats) -> Floats:
    """Return |expected - actual errors| per sample to review (T,); NaN where there is none."""
    size = np.where(to_review > 0, to_review, np.nan)
    gap: Floats = np.abs(expected - actual) / size
    return gap
