"""Instance-dependent noise: random directions in input space decide what an image turns into.

N samples, D input dimensions, K classes. For sample i with label y and inputs x (D,):

1. a flip rate q from the normal distribution N(level, 0.1^2), cut to (0, 1);
2. scores s = x W with W (D, K) standard normal, the label's own score taken out;
3. P = q softmax(s), and P[y] = 1 - q; the label is drawn from P.

Cheng et al. (2021; TURN, appendix A.2.1) use one W for all; Xia et al. (2020) one W per class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError
from turn_core.noise.symmetric import check_noise
from turn_core.noise.transition import check_labels, uniform_draws
from turn_core.seeds import derive

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

RATE_SPREAD = 0.1
"""Standard deviation of the flip rates before they are cut to (0, 1)."""

BLOCK_ELEMENTS = 4 * 2**20
"""Inputs held in double precision at a time: 32 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class InstanceDraw:
    """Labels (N,) after noise, and the mean probabilities (K, K) they were drawn from."""

    labels: Labels
    transition: Floats


def cheng_noise(
    labels: Labels, inputs: NDArray[np.generic], num_classes: int, level: float, *, seed: int
) -> InstanceDraw:
    """Draw labels after Cheng et al. (2021): one W for all samples.

    `inputs` (N, ...) are raw pixels 0..255, as in the paper's code, or any other numbers. Pixels
    are all positive: the brightness decides, so that wrong labels go to few classes.

    Raises:
        DataError: the numbers of inputs and labels differ, or a label is not 0..K-1.
    """
    return _draw(labels, inputs, num_classes, level, seed=seed, one_per_class=False)


def xia_noise(
    labels: Labels, inputs: NDArray[np.generic], num_classes: int, level: float, *, seed: int
) -> InstanceDraw:
    """Draw labels after Xia et al. (2020): a W for each class, so that wrong labels spread.

    `inputs` (N, ...) as in `cheng_noise`. Only one W is held at a time.

    Raises:
        DataError: the numbers of inputs and labels differ, or a label is not 0..K-1.
    """
    return _draw(labels, inputs, num_classes, level, seed=seed, one_per_class=True)


def flip_rates(num_samples: int, level: float, *, seed: int) -> Floats:
    """Return a flip rate (N,) per sample, N(level, 0.1^2) cut to (0, 1); all 0 at level 0.

    Near the ends the cut moves the mean: level 0.1 gives 0.129, level 0.9 gives 0.871.
    """
    if level == 0:
        return np.zeros(num_samples)
    rng = np.random.default_rng(derive(seed, "noise", "rates"))
    rates = rng.normal(level, RATE_SPREAD, num_samples)
    while (outside := (rates <= 0) | (rates >= 1)).any():
        rates[outside] = rng.normal(level, RATE_SPREAD, int(outside.sum()))
    return rates


def directions(num_inputs: int, num_classes: int, *, seed: int, class_index: int) -> Floats:
    """Return W (D, K), standard normal; Cheng's single one has the class index 0."""
    rng = np.random.default_rng(derive(seed, "noise", "directions", class_index))
    return rng.standard_normal((num_inputs, num_classes))


def flip_probabilities(inputs: Floats, labels: Labels, rates: Floats, weights: Floats) -> Floats:
    """Return P (B, K), rows summing to 1: steps 2 and 3 for inputs (B, D), rates (B,), W (D, K).

    Raises:
        DataError: an input is infinite or not a number.
    """
    own = np.arange(len(labels)), labels
    scores = inputs @ weights
    if not np.isfinite(scores).all():
        raise DataError("inputs of instance-dependent noise must be finite numbers")
    scores[own] = -np.inf
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Floats = rates[:, None] * odds / odds.sum(axis=1, keepdims=True)
    probabilities[own] = 1 - rates
    return probabilities


def _draw(
    labels: Labels,
    inputs: NDArray[np.generic],
    num_classes: int,
    level: float,
    *,
    seed: int,
    one_per_class: bool,
) -> InstanceDraw:
    check_noise(num_classes, level)
    check_labels(labels, num_classes)
    flat = _flat(inputs, len(labels))
    rates = flip_rates(len(labels), level, seed=seed)
    draw = uniform_draws(len(labels), seed=seed)
    drawn, sums = labels.copy(), np.zeros((num_classes, num_classes))
    each = np.arange(len(labels))
    groups = [each[labels == one] for one in range(num_classes)] if one_per_class else [each]
    for class_index, group in enumerate(groups):
        weights = directions(flat.shape[1], num_classes, seed=seed, class_index=class_index)
        for rows in _blocks(group, flat.shape[1]):
            block = np.asarray(flat[rows], np.float64)
            p = flip_probabilities(block, labels[rows], rates[rows], weights)
            drawn[rows] = _pick(p, draw[rows])
            np.add.at(sums, labels[rows], p)
    return InstanceDraw(drawn, _mean_rows(sums, labels))


def _flat(inputs: NDArray[np.generic], num_samples: int) -> NDArray[np.generic]:
    if len(inputs) != num_samples:
        raise DataError(f"inputs must be one row per label, got {len(inputs)} for {num_samples}")
    return inputs.reshape(num_samples, -1) if num_samples else inputs.reshape(0, 1)


def _blocks(rows: NDArray[np.int64], num_inputs: int) -> list[NDArray[np.int64]]:
    size = max(1, BLOCK_ELEMENTS // num_inputs)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _pick(probabilities: Floats, draw: Floats) -> Labels:
    """Return the class (B,) into whose share of [0, 1) each draw falls."""
    edges = np.cumsum(probabilities, axis=1)[:, :-1]
    picked: Labels = (draw[:, None] >= edges).sum(axis=1)
    return picked


def _mean_rows(sums: Floats, labels: Labels) -> Floats:
    """Return the mean probabilities (K, K) per class; the identity for a class without samples."""
    sizes = np.bincount(labels, minlength=len(sums))
    empty = np.flatnonzero(sizes == 0)
    sums[empty, empty] = 1
    return np.asarray(sums / np.maximum(sizes, 1)[:, None])
