"""Measures of error detection and of the estimates: AUROC, average precision, lift, intervals.

N samples. An error is a given label that differs from the true label; it is the positive class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from turn_core import scoring
from turn_core.errors import DataError
from turn_core.estimates.intervals import Z_95
from turn_core.types import Interval

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DetectionReport:
    """How well a ranking finds the errors; None where the data leave a measure undefined."""

    num_samples: int
    num_errors: int
    auroc: float | None
    """Chance that an error ranks before a right label."""
    average_precision: float | None
    """Area under precision against recall."""
    precision: float | None
    """Share of errors among the samples at or below the threshold."""
    recall: float | None
    """Share of all errors that are at or below the threshold."""
    f1: float | None
    """Harmonic mean of precision and recall."""
    lift_100: float | None
    """Share of errors among the first 100, over the share among all."""
    lift_errors: float | None
    """The same among as many as there are errors."""


def detection_report(
    clean_probability: NDArray[np.floating],
    is_error: Bools,
    *,
    threshold: float,
    losses: NDArray[np.floating] | None = None,
) -> DetectionReport:
    """Judge the ranking of `scoring.rank_order`, and the cut at clean probability <= threshold.

    All arrays are (N,). Without `losses`, samples of equal probability stay tied.

    Raises:
        DataError: the shapes disagree.
    """
    if clean_probability.shape != is_error.shape:
        raise DataError(
            f"clean_probability has shape {clean_probability.shape}, is_error {is_error.shape}; "
            "give both per sample"
        )
    from sklearn.metrics import average_precision_score, roc_auc_score  # slow to import

    suspicion = -clean_probability.astype(np.float64)
    if losses is not None:
        suspicion[scoring.rank_order(clean_probability, losses)] = -np.arange(len(suspicion))
    num_errors, num_samples = int(is_error.sum()), len(is_error)
    both = 0 < num_errors < num_samples
    flagged = clean_probability <= threshold
    hits = int((flagged & is_error).sum())
    return DetectionReport(
        num_samples=num_samples,
        num_errors=num_errors,
        auroc=float(roc_auc_score(is_error, suspicion)) if both else None,
        average_precision=float(average_precision_score(is_error, suspicion)) if both else None,
        precision=hits / int(flagged.sum()) if flagged.any() else None,
        recall=hits / num_errors if num_errors else None,
        f1=2 * hits / (int(flagged.sum()) + num_errors) if num_errors else None,
        lift_100=lift(suspicion, is_error, k=100),
        lift_errors=lift(suspicion, is_error, k=num_errors),
    )


def lift(suspicion: NDArray[np.floating], is_error: Bools, *, k: int) -> float | None:
    """Return the share of errors among the k most suspicious over that among all N.

    k larger than N counts as N. None where there is no error, or k is 0.
    """
    if not is_error.any() or k < 1:
        return None
    first = np.argsort(-suspicion, kind="stable")[:k]
    return float(is_error[first].mean() / is_error.mean())


def accuracy(predicted: NDArray[np.integer], labels: NDArray[np.integer]) -> float | None:
    """Return the share of predicted labels (N,) that equal `labels`; None for no sample."""
    return float(np.mean(predicted == labels)) if len(labels) else None


def noise_interval(clean_probability: Floats, *, num_samples: int) -> Interval | None:
    """Return the share of wrong labels among `num_samples` that these posteriors (M,) say.

    The value is the sum of 1 - p over num_samples: the samples without a posterior count as
    right. The interval takes the posteriors as fully dependent (a mixture that is off is off for
    all samples), so that the number of errors is that of p < U for one uniform U: its 2.5 % and
    97.5 % quantiles are the counts of p < .025 and p < .975. The sampling error is added.
    None where M is 0.
    """
    if not len(clean_probability):
        return None

    def wrong(mass: float, *, side: int) -> float:
        share = mass / num_samples
        error = Z_95 * np.sqrt(share * (1 - share) / num_samples)
        return float(np.clip(share + side * error, 0, 1))

    value = float((1 - clean_probability).sum() / num_samples)
    low = wrong(float((clean_probability < 0.025).sum()), side=-1)
    high = wrong(float((clean_probability < 0.975).sum()), side=1)
    return Interval(value, min(low, value), max(high, value))


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """Return Spearman's correlation, -1..1; None where either is constant or has one value."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(spearmanr(first, second).statistic)
