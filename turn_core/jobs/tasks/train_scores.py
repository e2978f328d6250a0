"""What a run stores: rows, arrays, metrics. N samples, K classes of the model, P passes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core import metrics, scoring
from turn_core.jobs.tasks.train_labels import Bools, Ints, RunLabels, Usable
from turn_core.methods.records import TurnResult
from turn_core.types import ScoreRow

NO_CLASS = -1
"""Fills `top_class` where the model has fewer than five classes."""
TOP = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A result with what it takes to name samples and classes as the store does."""

    result: TurnResult
    labels: RunLabels
    usable: Usable
    class_ids: Sequence[int]
    """Store ids of all classes of the project, by project index."""

    @property
    def sample_ids(self) -> Ints:
        """(N,) store ids."""
        return self.labels.sample_ids[self.usable.rows]


def score_rows(found: Found) -> list[ScoreRow]:
    """Return one row per sample, ranked worst first."""
    result = found.result
    order = scoring.rank_order(result.clean_probability, result.loss)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    suggested = found.usable.class_index[result.top_class[:, 0]]
    selected = result.selected[-1] if len(result.selected) else np.zeros(len(order), bool)
    return [
        ScoreRow(
            sample_id=int(found.sample_ids[row]),
            rank=int(ranks[row]),
            clean_probability=_share(result.clean_probability[row]),
            loss=float(result.loss[row]),
            suggested_class_id=found.class_ids[suggested[row]],
            suggested_probability=_share(result.top_probability[row, 0]),
            given_probability=_share(result.given_probability[row]),
            selected=bool(selected[row]),
            fallback=str(result.fallback[row]),
            row=row,
        )
        for row in range(len(order))
    ]


def score_arrays(found: Found) -> dict[str, NDArray[Any]]:
    """Return what is too wide for a row, in row order; classes are project indices.

    sample_ids, label, holdout, final_clean_probability, final_loss (N,); clean_probability and loss
    (P, N) by pass; selected (E, N); top_class and top_probability (N, 5), filled up with -1 and 0;
    neighbour_ids and neighbour_similarity (N, k).
    """
    result, usable = found.result, found.usable
    top = np.full((len(usable.rows), TOP), NO_CLASS, np.int64)
    top_probability = np.zeros(top.shape, np.float32)
    width = result.top_class.shape[1]
    top[:, :width] = usable.class_index[result.top_class]
    top_probability[:, :width] = result.top_probability
    return {
        "sample_ids": found.sample_ids,
        "label": usable.class_index[usable.labels],
        "holdout": result.holdout,
        "final_clean_probability": result.clean_probability,
        "final_loss": result.loss,
        "clean_probability": result.pass_clean_probability,
        "loss": result.pass_loss,
        "selected": result.selected,
        "top_class": top,
        "top_probability": top_probability,
        "neighbour_ids": found.sample_ids[result.neighbours],
        "neighbour_similarity": result.similarities,
    }


def run_metrics(
    found: Found, true: Ints, *, threshold: float, times: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the run's figures as plain JSON values; `true` (M,) holds -1 where it is unknown.

    With true labels also how well the wrong ones were found: by the final scores, and in `passes`
    by every pass (pass 0 is step 1).
    """
    result, rows = found.result, found.usable.rows
    accuracy = result.holdout_accuracy
    suspicious = (result.clean_probability <= threshold) & found.labels.pending[rows]
    values = {
        "num_samples": len(rows),
        "num_classes": len(found.usable.class_index),
        "noise_rate": asdict(result.noise_rate) if result.noise_rate else None,
        "num_issues": int(suspicious.sum()),
        "threshold": threshold,
        "best_accuracy": max(accuracy) if accuracy else None,
        "last_accuracy": accuracy[-1] if accuracy else None,
        "holdout_accuracy": list(accuracy),
        "holdout_size": int(result.holdout.sum()),
        "clean_fraction": list(result.clean_fraction),
        "num_selected": result.selected.sum(axis=1).tolist(),
        "fallbacks": dict(Counter(result.fallback.tolist())),
        "timings": [dict(row) for row in times],
        "notes": list(result.notes),
    }
    return values | _detection(found, true[rows], threshold)


def _detection(found: Found, true: Ints, threshold: float) -> dict[str, Any]:
    result = found.result
    known = (true >= 0) & ~found.labels.excluded[found.usable.rows]
    if not known.any():
        return {}
    is_error = found.usable.class_index[found.usable.labels] != true
    finals = _report(result.clean_probability, result.loss, is_error, known, threshold)
    passes = [
        _report(clean, loss, is_error, known, threshold)
        for clean, loss in zip(result.pass_clean_probability, result.pass_loss, strict=True)
    ]
    return {**finals, "passes": passes}


def _report(
    clean: NDArray[np.floating],
    loss: NDArray[np.floating],
    is_error: Bools,
    known: Bools,
    threshold: float,
) -> dict[str, Any]:
    report = metrics.detection_report(
        clean[known], is_error[known], threshold=threshold, losses=loss[known]
    )
    return {
        "num_errors": report.num_errors,
        "auroc": report.auroc,
        "average_precision": report.average_precision,
        "precision": report.precision,
        "recall": report.recall,
        "lift_100": report.lift_100,
    }


def _share(value: np.floating) -> float:
    """A probability as the store takes it: fp32 sums may end a hair above 1, NaN is 0."""
    number = float(value)
    return 0.0 if math.isnan(number) else min(1.0, max(0.0, number))
