"""Mixtures of the losses of groups, a group being a class or all samples: scale, fit, gate.

M losses in G groups. A loss is capped, clipped within its group and scaled to 0..1 first, so that
the variance floor of the mixture means the same in every group and no outlier sets the scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from turn_core import mixture
from turn_core.config import CleansingConfig
from turn_core.mixture import Floats, Ints, Mixtures

Bools = NDArray[np.bool_]

MAX_LOSS = 18.42
"""-log(1e-8): larger losses say no more, and would stretch the scale of their class."""

SMALL, LARGE = 100, 1000
"""The gate is `separation_small` up to 100 samples and `separation_large` from 1,000 on; between
them it falls with the logarithm of the number."""

EVEN_ODDS = 0.6931
"""log 2: the loss of a label that gets half of the probability. A group below it is not wrong."""

MIN_GROUP = 5
"""Samples that the smaller of two groups must hold; less are outliers."""


@dataclass(frozen=True, slots=True)
class GroupFit:
    """Mixtures of the losses of G groups; NaN where a group had none."""

    counts: Ints
    """(G,) losses that the fit saw."""
    low: Floats
    """(G,) the loss that is 0 on the scale of the mixture."""
    high: Floats
    """(G,) the loss that is 1 on it."""
    mixtures: Mixtures
    """Means and variances on the scale of 0..1."""
    separation: Floats
    """(G,) Ashman's D; 0 where there is no mixture."""

    def probability(self, losses: Floats, groups: Ints) -> Floats:
        """Return the posterior of the lower component for each loss, in its group."""
        low, high = self.low[groups], self.high[groups]
        scaled = (np.clip(losses, low, high) - low) / (high - low)
        return np.asarray(expit(self.mixtures.log_odds(scaled, groups)))

    def stands_apart(self, config: CleansingConfig) -> Bools:
        """Return the gate (G,): two groups, far apart, none a few outliers, the upper one wrong."""
        share = np.log(LARGE / np.maximum(self.counts, 1)) / np.log(LARGE / SMALL)
        fall = config.separation_small - config.separation_large
        gate = config.separation_large + fall * np.clip(share, 0, 1)
        upper = self.low + self.mixtures.means[:, 1] * (self.high - self.low)
        smaller = self.counts * self.mixtures.weights.min(axis=1)
        return np.asarray((self.separation > gate) & (smaller >= MIN_GROUP) & (upper > EVEN_ODDS))


def fit_groups(
    losses: Floats, groups: Ints, num_groups: int, config: CleansingConfig, min_count: int
) -> GroupFit:
    """Clip and scale the losses of each group to 0..1 and fit a mixture to each large enough."""
    counts = np.bincount(groups, minlength=num_groups)
    order = np.lexsort((losses, groups))
    ordered, of_group = losses[order], groups[order]
    low, high = _bounds(ordered, counts, config.clip_quantile)
    width = np.where(high > low, high - low, 1)
    found = mixture.fit(
        (np.clip(ordered, low[of_group], high[of_group]) - low[of_group]) / width[of_group],
        counts,
        where=(counts >= min_count) & (high > low),
        max_iter=config.max_iter,
        tol=config.tol,
        reg_covar=config.reg_covar,
    )
    return GroupFit(counts, low, high, found, np.nan_to_num(found.separation()))


def _bounds(ordered: Floats, counts: Ints, share: float) -> tuple[Floats, Floats]:
    """Return the clipping bounds (G,) of losses that lie group after group, ascending.

    At each end the `share` of a group's losses is clipped, rounded up: at least one value, so
    that a single outlier never sets the scale. Groups of fewer than three get an empty range.
    """
    starts, extra = np.cumsum(counts) - counts, np.ceil(share * counts).astype(np.int64)
    padded = np.append(ordered, 0.0)
    wide = counts > 2 * extra
    low = padded[np.where(wide, starts + extra, -1)]
    high = padded[np.where(wide, starts + counts - 1 - extra, -1)]
    return low, high
