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

LARGE = 1000
"""From this many samples on `separation_large` is the bar of a group, else `separation_small`."""

UNLIKELY = 3.0
"""Loss of a label with 5 % of the probability: far above it a label is contradicted."""

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

    def fitted(self) -> Bools:
        """Return which groups (G,) have a mixture."""
        return np.asarray(np.isfinite(self.mixtures.means[:, 0]))

    def stands_apart(self, config: CleansingConfig) -> Bools:
        """Return whether each group (G,) falls in two: far apart, neither a few outliers."""
        bar = np.where(self.counts < LARGE, config.separation_small, config.separation_large)
        smaller = self.counts * self.mixtures.weights.min(axis=1)
        upper = self._upper_loss() > EVEN_ODDS
        return np.asarray((self.separation > bar) & (smaller >= MIN_GROUP) & upper)

    def shows_errors(self, config: CleansingConfig, *, num_classes: int) -> Bools:
        """Return whether the losses of each group (G,) prove that labels are wrong.

        Hard samples with right labels make an upper component too; wrong labels are contradicted.
        The proof is evidence above the config's, in a group that is more than a few outliers.
        """
        enough = self.mixtures.weights[:, 1] * self.counts >= MIN_GROUP
        evidence = self.evidence_of_errors(num_classes=num_classes)
        return np.asarray((evidence > config.evidence) & enough)

    def evidence_of_errors(self, *, num_classes: int) -> Floats:
        """Return the loss of each upper component beyond an unlikely label, times its weight (G,).

        Unlikely is UNLIKELY, or a guess among `num_classes`; in nats per sample of all.
        """
        beyond = self._upper_loss() - max(UNLIKELY, float(np.log(max(num_classes, 1))))
        evidence: Floats = self.mixtures.weights[:, 1] * beyond
        return evidence

    def _upper_loss(self) -> Floats:
        """Return the mean loss (G,) of the upper component; NaN without a mixture."""
        mean: Floats = self.low + self.mixtures.means[:, 1] * (self.high - self.low)
        return mean


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
