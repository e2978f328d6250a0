"""What reviewing brings: errors found against samples reviewed, with what chance and an oracle do.

N samples; `is_error` is in the order of review. An oracle shows every error first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

POINTS = 200
"""A curve is thinned to so many points."""


@dataclass(frozen=True, slots=True, eq=False)
class EffortCurve:
    """Errors found after so many reviews (M,), beside the two bounds."""

    reviews: Floats
    found: Floats
    random: Floats
    """Reviewing in random order finds so many on average."""
    oracle: Floats
    efficiency: float | None
    """Area above random over that of the oracle: 1 is the oracle, 0 chance; None for no error."""


def effort_curve(is_error: Bools, *, total_errors: float, num_samples: int) -> EffortCurve:
    """Return the curve of what was reviewed (m <= N), of `total_errors` among `num_samples`.

    The total may be an estimate; it counts at least what was found.
    """
    total = max(float(total_errors), float(is_error.sum()))
    found = np.concatenate([[0.0], np.cumsum(is_error)])
    reviews = np.arange(len(found), dtype=np.float64)
    oracle = np.minimum(reviews, total)
    random = reviews * total / max(num_samples, 1)
    most = float((oracle - random).sum())
    kept = np.unique(np.linspace(0, len(is_error), POINTS).astype(np.int64))
    return EffortCurve(
        reviews[kept],
        found[kept],
        random[kept],
        oracle[kept],
        float((found - random).sum()) / most if most > 0 and total > 0 else None,
    )


def share_found(is_error: Bools, shares: Sequence[float]) -> list[float | None]:
    """Return the share of all errors found after reviewing each share of the N samples."""
    total = int(is_error.sum())
    places = [round(share * len(is_error)) for share in shares]
    return [int(is_error[:place].sum()) / total if total else None for place in places]


def effort_saved(is_error: Bools, *, share: float = 0.8) -> float | None:
    """Return the reviews saved against random order until `share` of all errors is found.

    1 - reviews / (share * N), where random order needs share * N on average; below 0 the order
    is worse than chance. None for no error.
    """
    total = int(is_error.sum())
    if not total:
        return None
    needed = int(np.ceil(share * total))
    reviews = int(np.searchsorted(np.cumsum(is_error), needed)) + 1
    return 1 - reviews / (share * len(is_error))
