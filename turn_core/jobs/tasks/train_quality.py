"""What a run stores for the Quality page: mixtures per class, and a second opinion.

N samples, K classes of the model; the last row of (K + 1, ...) is the mixture of all classes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core import estimates, second_opinion
from turn_core.cleansing import FALLBACKS, clean_probability
from turn_core.config import TurnConfig
from turn_core.jobs.tasks.train_scores import Found
from turn_core.linear_probe import Features
from turn_core.methods.records import TurnData
from turn_core.seeds import derive

MAX_PROBABILITIES = 64 * 2**20
"""Bytes of out-of-sample probabilities (N, K), as float16, that are kept; more are not."""
MAX_JOINT_CLASSES = 1000
"""With more classes the confident joint is not kept."""

Arrays = dict[str, NDArray[Any]]


def mixture_arrays(found: Found, data: TurnData, config: TurnConfig) -> Arrays:
    """Return the fit behind the final scores, again: it is the same, and cheap.

    mixture_weights, mixture_means, mixture_variances (K + 1, 2) on losses scaled to 0..1 between
    mixture_bounds (K + 1, 2); mixture_separation and mixture_count (K + 1,); class_fallback (K,)
    places in `cleansing.FALLBACKS`; model_class (K,) project indices.
    """
    used = ~data.excluded
    fit = clean_probability(
        found.result.loss[used],
        data.labels[used],
        data.num_classes,
        config.cleansing,
        trusted=data.trusted[used],
    )
    both = (fit.classes, fit.pooled)

    def joined(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(part.mixtures, name) for part in both])

    return {
        "mixture_weights": joined("weights"),
        "mixture_means": joined("means"),
        "mixture_variances": joined("variances"),
        "mixture_bounds": np.concatenate([np.stack([p.low, p.high], axis=1) for p in both]),
        "mixture_separation": np.concatenate([part.separation for part in both]),
        "mixture_count": np.concatenate([part.counts for part in both]).astype(np.int64),
        "class_fallback": np.array([FALLBACKS.index(name) for name in fit.class_fallback], np.int8),
        "model_class": found.usable.class_index.astype(np.int64),
    }


def opinion_arrays(
    found: Found,
    data: TurnData,
    config: TurnConfig,
    features: Features,
    *,
    device: torch.device,
    on_progress: Callable[[int, int], None],
) -> Arrays:
    """Return confident learning's view by cross-validated probes; classes are project indices.

    opinion_flag (N,), opinion_guess (N,) or -1, opinion_confidence (N,) of the given label;
    opinion_joint (K, K) and opinion_probability (N, K), by classes of the model, where they are
    not too large.
    """
    fold = second_opinion.folds_of(data.labels, data.image_keys)
    probabilities, unjudged = second_opinion.out_of_sample(
        features,
        data.labels,
        data.num_classes,
        config.probe,
        fold,
        seed=derive(config.seed, "opinion"),
        mask=~data.excluded,
        device=device,
        on_progress=on_progress,
    )
    view = estimates.confident_learning(probabilities, data.labels, skip=unjudged)
    guess = np.where(view.guess >= 0, found.usable.class_index[view.guess], -1)
    own = np.take_along_axis(probabilities, data.labels[:, None], axis=1)[:, 0]
    arrays: Arrays = {
        "opinion_flag": view.flagged,
        "opinion_guess": guess.astype(np.int64),
        "opinion_confidence": own,
    }
    if data.num_classes <= MAX_JOINT_CLASSES:
        arrays["opinion_joint"] = view.joint
    if 2 * probabilities.size <= MAX_PROBABILITIES:
        arrays["opinion_probability"] = probabilities.astype(np.float16)
    return arrays


def run_features(folder: Path, features_key: str, data: TurnData) -> Features:
    """Return the cached features (N, D) of a run's samples."""
    features: NDArray[np.float32] = np.load(folder / f"{features_key}.npy", mmap_mode="r")
    rows = data.pixel_rows
    if rows is None or np.array_equal(rows, np.arange(len(features))):
        return features
    return features[rows]
