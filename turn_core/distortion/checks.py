"""What every measure asks of its input. N samples, D feature dimensions."""

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError

Features = NDArray[np.floating]
"""(N, D), finite."""

Labels = NDArray[np.integer]
"""(N,) the best labels known, 0..K-1; -1 where a sample has none."""


def check_pair(before: Features, after: Features) -> None:
    """Raise DataError unless both are features of the same samples, N at least 3."""
    for features in (before, after):
        check_features(features)
    if len(before) != len(after):
        raise DataError(
            f"both sets of features must be of the same samples, got {len(before)} and {len(after)}"
        )


def check_features(features: Features) -> None:
    """Raise DataError unless `features` is a finite (N, D), N at least 3."""
    if features.ndim != 2 or len(features) < 3:
        raise DataError(f"features must be (N, D) of at least 3 samples, got {features.shape}")
    if not np.isfinite(features).all():
        raise DataError("features must be finite numbers; the network that made them diverged")


def with_labels(features: Features, labels: Labels) -> tuple[Features, NDArray[np.int64]]:
    """Return the features (M, D) and labels (M,) of the samples that have a label.

    Raises:
        DataError: shapes disagree, a number is not finite, or there are fewer than 3 samples.
    """
    check_features(features)
    classes = np.asarray(labels).astype(np.int64)
    if classes.shape != (len(features),):
        raise DataError(f"labels must be one per sample, got {classes.shape} for {len(features)}")
    known = classes >= 0
    return (features if known.all() else features[known]), classes[known]


def large_classes(classes: NDArray[np.int64], smallest: int) -> NDArray[np.int64]:
    """Return the classes that have at least `smallest` samples."""
    names, sizes = np.unique(classes, return_counts=True)
    return names[sizes >= smallest]
