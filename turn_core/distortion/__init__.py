"""How far fine-tuning moved the features, and what it did to the classes.

N samples, D feature dimensions, K classes, k neighbours. Features are (N, D), finite; nearness is
by cosine throughout. Labels (N,) are the best known, 0..K-1, and -1 where a sample has none: such
samples count in no measure that needs labels. Words for people: `types.distortion.METRICS`.

Everything is exact and over all samples: time grows with N^2 D, memory with N D, for N x N is
never held.
"""

from turn_core.distortion.classes import separability, silhouette
from turn_core.distortion.neighbourhoods import (
    knn_accuracy,
    neighbour_purity,
    neighbours_kept,
    trustworthiness,
)
from turn_core.distortion.panel import panel_metrics
from turn_core.distortion.spectrum import (
    largest_singular_value_ratio,
    linear_cka,
    singular_value_entropy,
)

__all__ = [
    "knn_accuracy",
    "largest_singular_value_ratio",
    "linear_cka",
    "neighbour_purity",
    "neighbours_kept",
    "panel_metrics",
    "separability",
    "silhouette",
    "singular_value_entropy",
    "trustworthiness",
]
