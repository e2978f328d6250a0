"""Proportions and counts with 95 % intervals, from samples that were drawn uniformly."""

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError
from turn_core.types import Interval

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""

FINE = 20_000
"""Largest population whose counts are weighed one by one; a larger one is scaled down to it."""


def wilson_interval(successes: int, total: int) -> Interval | None:
    """Return a proportion with its 95 % interval (Wilson, 1927); None for no sample."""
    if total < 1:
        return None
    share, z2 = successes / total, Z_95**2
    center = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z_95 / (1 + z2 / total) * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return Interval(share, max(0.0, float(center - half)), min(1.0, float(center + half)))


def errors_among(found: int, drawn: int, population: int) -> Interval | None:
    """Return how many errors `population` samples hold, by `found` in `drawn` others like them.

    The value is population * found / drawn. The interval is the central 95 % of the posterior
    predictive count (beta-binomial, Jeffreys' prior: Brown, Cai & DasGupta, 2001); it reaches to
    the end where none, or every one, of the drawn is an error. None where nothing was drawn.

    Raises:
        DataError: `found` is not from 0 to `drawn`, or the population is negative.
    """
    if not 0 <= found <= drawn or population < 0:
        raise DataError(
            f"errors found must be from 0 to the number drawn and a population not negative, "
            f"got {found} of {drawn} and {population}"
        )
    if drawn == 0:
        return None
    size = min(population, FINE)
    cumulative = np.cumsum(_beta_binomial(size, found + 0.5, drawn - found + 0.5))
    low, high = (int(np.searchsorted(cumulative, mass)) for mass in (0.025, 0.975))
    low, high = 0 if found == 0 else low, size if found == drawn else min(high, size)
    scale = population / size if size else 1.0
    value = population * found / drawn
    return Interval(value, min(value, low * scale), max(value, high * scale))


def _beta_binomial(size: int, a: float, b: float) -> NDArray[np.float64]:
    """Return the probabilities (size + 1,) of 0..size successes, by the ratio of neighbours."""
    k = np.arange(size)
    steps = np.log((size - k) / (k + 1)) + np.log((a + k) / (b + size - 1 - k))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
