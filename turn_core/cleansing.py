"""Which labels are probably right: TURN's cleansing (paper section 4.2), and its clean subset.

Losses of one class fall into two groups, a low one of right labels and a high one of wrong
labels. A mixture of two Gaussians per given class turns a loss into the probability of the low
group. What happens where no such groups show has a name, in FALLBACKS. N samples, K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from turn_core import metrics
from turn_core.config import CleansingConfig
from turn_core.errors import DataError
from turn_core.loss_groups import LARGE, MAX_LOSS, Bools, GroupFit, fit_groups
from turn_core.mixture import Floats, Ints
from turn_core.seeds import derive
from turn_core.types import Interval

NONE, POOLED, ONE_CLUSTER, NO_SIGNAL, RANKING_ONLY, UNSCORED = FALLBACKS = (
    "none",
    "pooled",
    "one_cluster",
    "no_signal",
    "ranking_only",
    "unscored",
)
"""How a clean probability came about; docs/algorithm.md gives the rule of each.

none: by the mixture of its own class. pooled: by the mixture of all classes, since its own class
is small or its two groups do not stand apart. one_cluster: neither mixture stands apart, so
nothing is cut. no_signal: all losses are equal. ranking_only: too few samples for any mixture.
unscored: its loss is not a number.
"""

MIN_CLEAN_SHARE = 0.05
"""A class with a smaller share of clean samples does not set the size of the clean subset."""

RANK_SPREAD = 0.9
"""Share of the room above the threshold that ranks without a cut are spread over."""


@dataclass(frozen=True, slots=True)
class Cleansing:
    """The clean probability of every sample and how it came about."""

    clean_probability: Floats
    """(N,) 0..1, falling with the loss within a class; 1 for trusted samples."""
    selection_probability: Floats
    """(N,) what the clean subset is chosen by: the same, but ungated where nothing is cut."""
    fallback: NDArray[np.str_]
    """(N,) one of FALLBACKS per sample."""
    class_fallback: tuple[str, ...]
    """(K,) the same per class."""
    classes: GroupFit
    """The mixture of each class."""
    pooled: GroupFit
    """The mixture of all classes together, G = 1."""
    noise_rate: Interval | None
    """Estimated share of wrong labels; None where no class could be judged."""


@dataclass(frozen=True, slots=True)
class CleanSubset:
    """The balanced clean subset that the full model is tuned on."""

    indices: Ints
    """(M,) ascending."""
    size: int
    """N of the paper: what every class gives if it can."""
    per_class: Ints
    """(K,) what every class gave."""
    topped_up: Bools
    """(K,) classes that had to give samples at or below the threshold."""


def clean_probability(
    losses: NDArray[np.floating],
    labels: NDArray[np.integer],
    num_classes: int,
    config: CleansingConfig,
    *,
    trusted: Bools | None = None,
) -> Cleansing:
    """Return the posterior that each label (N,) in 0..K-1 is right, given its CE loss (N,).

    Trusted samples, whose label a person confirmed, get 1 and take no part in the fit. A class
    is judged by its own mixture where that passes the gate (groups apart by Ashman's D, neither
    of a few outliers, the labels of the upper one with less than half of the probability), else
    by the pooled one where that passes, else its samples are ranked above the threshold and
    none is cut.

    Raises:
        DataError: the shapes disagree, or a label is out of range.
    """
    trust = np.zeros(len(losses), np.bool_) if trusted is None else trusted
    _check(losses, labels, trust, num_classes)
    scored = np.isfinite(losses)
    values = np.minimum(np.where(scored, losses, 0).astype(np.float64), MAX_LOSS)
    groups, fitted = labels.astype(np.int64), scored & ~trust
    own = fit_groups(values[fitted], groups[fitted], num_classes, config, config.min_class_size)
    pooled = fit_groups(values[fitted], 0 * groups[fitted], 1, config, config.min_samples)
    class_fallback = _choose(own, pooled, config)
    fallback = np.where(scored, class_fallback[groups], UNSCORED)
    probability = _posterior(values, groups, fallback, own, pooled, config)
    selection = _selection(probability, values, groups, fallback, own, pooled)
    probability[trust] = selection[trust] = 1
    judged = fitted & np.isin(fallback, (NONE, POOLED))
    return Cleansing(
        clean_probability=probability,
        selection_probability=selection,
        fallback=fallback,
        class_fallback=tuple(class_fallback.tolist()),
        classes=own,
        pooled=pooled,
        noise_rate=metrics.noise_interval(probability[judged], num_samples=int(scored.sum())),
    )


def balanced_clean_subset(
    cleansing: Cleansing,
    labels: NDArray[np.integer],
    config: CleansingConfig,
    *,
    seed: int,
    eligible: Bools | None = None,
    trusted: Bools | None = None,
) -> CleanSubset:
    """Draw the same number of clean samples from every class (paper section 4.2, equation 4).

    N is the smallest number of clean samples of any class, but at least `subset_floor`. Two kinds
    of class do not hold the others down: one below `min_class_size` gives what it has; one of
    which less than a twentieth is clean was not learned, and is topped up to N. Every trusted
    sample is taken and counts towards N, even where a class has more than N of them. The rest is
    drawn uniformly from the samples above the threshold; what then lacks is the most probable
    of those below. Samples outside `eligible` (excluded, held out) are never drawn.
    """
    everyone = np.ones(len(labels), np.bool_)
    usable = everyone if eligible is None else eligible
    trust = usable & (~everyone if trusted is None else trusted)
    usable = trust | (usable & (cleansing.fallback != UNSCORED))
    num_classes = len(cleansing.class_fallback)
    clean = trust | (usable & (cleansing.selection_probability > config.threshold))
    available, num_clean, num_trusted = (
        np.bincount(labels[mask], minlength=num_classes) for mask in (usable, clean, trust)
    )
    unlearned = num_clean < MIN_CLEAN_SHARE * available
    size = _subset_size(available, num_clean, unlearned, config)
    wanted = np.where(unlearned, size, np.maximum(num_clean, config.subset_floor))
    quota = np.maximum(np.minimum(np.minimum(wanted, size), available), num_trusted)
    # Within a class: trusted first, then the clean in random order, then the likeliest others.
    lottery = np.random.default_rng(derive(seed, "clean_subset")).random(len(labels))
    turn = np.where(trust, -1, np.where(clean, lottery, 2 - cleansing.selection_probability))
    candidates = np.flatnonzero(usable)
    order = candidates[np.lexsort((turn[candidates], labels[candidates]))]
    place = np.arange(len(order)) - np.repeat(np.cumsum(available) - available, available)
    return CleanSubset(
        indices=np.sort(order[place < quota[labels[order]]]),
        size=size,
        per_class=quota,
        topped_up=quota > num_clean,
    )


def _subset_size(
    available: Ints, num_clean: Ints, unlearned: Bools, config: CleansingConfig
) -> int:
    present = (available > 0) & ~unlearned
    large = present & (available >= config.min_class_size)
    decides = large if large.any() else present
    smallest = int(num_clean[decides].min()) if decides.any() else 0
    return max(smallest, config.subset_floor)


def _check(
    losses: NDArray[np.floating], labels: NDArray[np.integer], trusted: Bools, num_classes: int
) -> None:
    if losses.ndim != 1 or losses.shape != labels.shape or losses.shape != trusted.shape:
        raise DataError(
            f"losses has shape {losses.shape}, labels {labels.shape}, trusted {trusted.shape}; "
            "give one of each per sample"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise DataError(
            f"labels must be from 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
        )


def _choose(own: GroupFit, pooled: GroupFit, config: CleansingConfig) -> NDArray[np.str_]:
    """Return the fallback (K,) of each class: by its own gate, then by the pooled one.

    Where the pooled mixture shows no two groups, only a large class is believed on its own: of
    many small ones some always look split by chance.
    """
    if pooled.counts[0] < config.min_samples:
        return np.full(len(own.counts), RANKING_ONLY)
    if pooled.high[0] <= pooled.low[0]:
        return np.full(len(own.counts), NO_SIGNAL)
    pooled_stands = bool(pooled.stands_apart(config)[0])
    believed = own.stands_apart(config) & (pooled_stands | (own.counts >= LARGE))
    return np.where(believed, NONE, POOLED if pooled_stands else ONE_CLUSTER)


def _posterior(
    values: Floats,
    groups: Ints,
    fallback: NDArray[np.str_],
    own: GroupFit,
    pooled: GroupFit,
    config: CleansingConfig,
) -> Floats:
    """Return the clean probability (N,) by the rule that `fallback` (N,) names."""
    rank = (rankdata(values) - 0.5) / max(len(values), 1)
    probability: Floats = 1 - (1 - config.threshold) * RANK_SPREAD * rank
    probability[fallback == UNSCORED] = (1 + config.threshold) / 2
    by_own, by_all = fallback == NONE, fallback == POOLED
    probability[by_own] = own.probability(values[by_own], groups[by_own])
    probability[by_all] = pooled.probability(values[by_all], 0 * groups[by_all])
    return probability


def _selection(
    probability: Floats,
    values: Floats,
    groups: Ints,
    fallback: NDArray[np.str_],
    own: GroupFit,
    pooled: GroupFit,
) -> Floats:
    """Return `probability` (N,), with the ungated posterior where the gate let nothing be cut.

    A cut that is not believed must not accuse a label, but it may leave one out of training: that
    costs little where the labels are right, and protects where they are not.
    """
    selection = probability.copy()
    has_own = np.isfinite(own.mixtures.means[:, 0])[groups]
    uncut = fallback == ONE_CLUSTER
    by_own, by_all = uncut & has_own, uncut & ~has_own
    selection[by_own] = own.probability(values[by_own], groups[by_own])
    selection[by_all] = pooled.probability(values[by_all], 0 * groups[by_all])
    return selection
