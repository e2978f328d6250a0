"""Measures of the features as a cloud of points: likeness to before, and spread over directions."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from turn_core.distortion.checks import Features, check_features, check_pair

Floats = NDArray[np.float64]

Centre = Literal["dimension", "sample"]
"""What the mean is taken out of: each dimension (as was meant), or each sample (their code)."""

CONSTANT = 1e-12
"""Spread over size of features that differ by rounding only."""


def linear_cka(before: Features, after: Features) -> float:
    """Linear centred kernel alignment (Kornblith et al., 2019), 0..1.

    |B'A|^2 / (|B'B| |A'A|), Frobenius norms of features (N, D1) and (N, D2) with their means taken
    out: 1 for a rotation, scale or shift of the same features, 0 where nothing of one is linear
    in the other, or one of them is constant. High by itself where N is not much above D.

    Raises:
        DataError: the numbers of samples differ, or a number is not finite.
    """
    check_pair(before, after)
    first, second = (_centred(features) for features in (before, after))
    alone = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    if alone == 0:
        return 0.0
    return float(np.linalg.norm(first.T @ second) ** 2 / alone)


def singular_value_entropy(features: Features, *, centre: Centre = "dimension") -> float:
    """Singular value entropy (Chen et al., 2023), in nats: 0 to the log of min(N, D).

    - sum s ln s with s the singular values, as shares of their sum, of features of unit length
      with the mean taken out. 0 is one direction (or constant features).

    Raises:
        DataError: features is not a finite (N, D).
    """
    return spectrum_entropy(singular_shares(features, centre))


def largest_singular_value_ratio(features: Features, *, centre: Centre = "dimension") -> float:
    """Largest singular value ratio (Chen et al., 2023): - ln of its share of the sum, from 0.

    Singular values as in `singular_value_entropy`.

    Raises:
        DataError: features is not a finite (N, D).
    """
    return largest_ratio(singular_shares(features, centre))


def singular_shares(features: Features, centre: Centre) -> Floats:
    """Return the singular values of the unit, centred features, as shares of their sum.

    Largest first; constant features have one share, 1. They come from the smaller of the two Gram
    matrices, exact to 1e-8 of the largest: less than such measures can tell apart.
    """
    check_features(features)
    wide = np.asarray(features, np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0)
    unit -= unit.mean(axis=0 if centre == "dimension" else 1, keepdims=True)
    gram = unit.T @ unit if unit.shape[1] <= len(unit) else unit @ unit.T
    squares = np.linalg.eigvalsh(gram)[::-1]
    if squares[0] <= CONSTANT**2 * len(unit):  # the largest: there is no spread at all
        return np.eye(1, len(squares)).ravel()
    values: Floats = np.sqrt(np.maximum(squares, 0))
    return np.asarray(values / values.sum())


def spectrum_entropy(shares: Floats) -> float:
    """Return - sum s ln s of shares that sum to 1."""
    positive = shares[shares > 0]
    return float((positive * np.log(1 / positive)).sum())


def largest_ratio(shares: Floats) -> float:
    """Return - ln of the largest share, which is the first."""
    return float(np.log(1 / shares[0]))


def _centred(features: Features) -> Floats:
    """Return the features less their mean; zeros where they differ by rounding only."""
    wide = np.asarray(features, np.float64)
    centred: Floats = wide - wide.mean(axis=0)
    constant = np.linalg.norm(centred) <= CONSTANT * np.linalg.norm(wide)
    return np.zeros_like(wide) if constant else centred
