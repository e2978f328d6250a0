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
is small or does not fall in two clearly. one_cluster: the losses do not prove that any label is
wrong, so nothing is cut. no_signal: all losses are equal. ranking_only: too few samples for any
mixture. unscored: its loss is not a number.
"""

MIN_CLEAN_SHARE = 0.05
"""A class of which the pooled mixture leaves less has its subset chosen by its own mixture."""

RANK_SPREAD = 0.9
"""Share of the room above the threshold that ranks without a cut are spread over."""


@dataclass(frozen=True, slots=True)
class Cleansing:
    """The clean probability of every sample and how it came about."""

    clean_probability: Floats
    """(N,) 0..1, falling with the loss within a class; 1 for trusted samples."""
    selection_probability: Floats
    """(N,) what the clean subset is chosen by: the same, but the class's own posterior where
    nothing is cut, and where next to nothing of the class is clean."""
    fallback: NDArray[np.str_]
    """(N,) one of FALLBACKS per sample."""
    class_fallback: tuple[str, ...]
    """(K,) the same per class."""
    classes: GroupFit
    """The mixture of each class."""
    pooled: GroupFit
    """The mixture of all classes together, G = 1."""
    unlearned: Bools
    """(K,) classes of which the pooled mixture leaves next to nothing; see `_unlearned`."""
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

    Trusted samples, whose label a person confirmed, get 1 and take no part in the fit. Where the
    losses prove that labels are wrong (`GroupFit.shows_errors`), a class that falls in two
    clearly is judged by its own mixture, any other by the pooled one. Where they do not, samples
    are ranked above the threshold and none is cut.

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
    unlearned = _unlearned(probability, groups, class_fallback, own, config)
    ungated = unlearned | ((class_fallback == ONE_CLUSTER) & own.fitted())
    selection = _selection(probability, values, groups, scored & ungated[groups], own)
    probability[trust] = selection[trust] = 1
    judged = fitted & np.isin(fallback, (NONE, POOLED))
    return Cleansing(
        clean_probability=probability,
        selection_probability=selection,
        fallback=fallback,
        class_fallback=tuple(class_fallback.tolist()),
        classes=own,
        pooled=pooled,
        unlearned=unlearned,
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

    N is the smallest number of clean samples of any class, by selection probability, but at least
    `subset_floor`; a class below `min_class_size` gives what it has and does not hold the others
    down. Every trusted sample is taken and counts towards N, even where a class has more than N
    of them. The rest is drawn uniformly from the clean samples, but from an unlearned class
    the most probable are taken; what lacks to the floor is the most probable of the others.
    Samples outside `eligible` (excluded, held out) are never drawn.
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
    size = _subset_size(available, num_clean, config)
    quota = np.minimum(size, np.maximum(num_clean, config.subset_floor))
    quota = np.maximum(np.minimum(quota, available), num_trusted)
    # Within a class: trusted first, then the clean in random order, then the likeliest others.
    lottery = np.random.default_rng(derive(seed, "clean_subset")).random(len(labels))
    drawn = clean & ~cleansing.unlearned[labels]
    turn = np.where(trust, 0, np.where(clean, 1, 2))
    wish = np.where(drawn, lottery, -cleansing.selection_probability)
    candidates = np.flatnonzero(usable)
    order = candidates[np.lexsort([key[candidates] for key in (lottery, wish, turn, labels)])]
    place = np.arange(len(order)) - np.repeat(np.cumsum(available) - available, available)
    return CleanSubset(
        indices=np.sort(order[place < quota[labels[order]]]),
        size=size,
        per_class=quota,
        topped_up=quota > num_clean,
    )


def _subset_size(available: Ints, num_clean: Ints, config: CleansingConfig) -> int:
    decides = available >= config.min_class_size
    if not decides.any():
        decides = available > 0
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
    """Return the fallback (K,) of each class.

    First: do the losses prove that labels are wrong at all? All classes together say so, or a
    large one on its own. Then: does the class fall in two clearly enough for its own mixture?
    """
    if pooled.counts[0] < config.min_samples:
        return np.full(len(own.counts), RANKING_ONLY)
    if pooled.high[0] <= pooled.low[0]:
        return np.full(len(own.counts), NO_SIGNAL)
    num_classes = int((own.counts > 0).sum())
    errors = bool(pooled.shows_errors(config, num_classes=num_classes)[0])
    own_errors = own.shows_errors(config, num_classes=num_classes) & (own.counts >= LARGE)
    believed = own.stands_apart(config) & (errors | own_errors)
    return np.where(believed, NONE, POOLED if errors else ONE_CLUSTER)


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


def _unlearned(
    probability: Floats,
    groups: Ints,
    class_fallback: NDArray[np.str_],
    own: GroupFit,
    config: CleansingConfig,
) -> Bools:
    """Return the classes (K,) of which the pooled mixture leaves next to nothing.

    GCE may leave a class unlearned: its losses lie above those of the others as a whole. Or nearly
    all of its labels are wrong. Either way its right labels are those of its lowest losses.
    """
    num_classes = len(class_fallback)
    size = np.bincount(groups, minlength=num_classes)
    num_clean = np.bincount(groups, probability > config.threshold, minlength=num_classes)
    few = num_clean < MIN_CLEAN_SHARE * size
    return np.asarray(few & own.fitted() & (class_fallback == POOLED))


def _selection(
    probability: Floats, values: Floats, groups: Ints, ungated: Bools, own: GroupFit
) -> Floats:
    """Return `probability` (N,), with the class's own posterior for the samples of `ungated`.

    A cut that is not believed must not accuse a label, but it may leave one out of training: that
    costs little where the labels are right, and protects where they are not.
    """
    selection = probability.copy()
    selection[ungated] = own.probability(values[ungated], groups[ungated])
    return selection
