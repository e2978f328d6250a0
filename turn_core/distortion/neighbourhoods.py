"""Measures of who lies next to whom. N samples, D feature dimensions, k neighbours, by cosine."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from turn_core.distortion.checks import Features, Labels, check_pair, with_labels
from turn_core.errors import DataError
from turn_core.neighbours import nearest_neighbours

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NUM_NEIGHBOURS = 15
BLOCK_ELEMENTS = 8 * 2**20
"""Similarities that `trustworthiness` compares at a time: 32 MB."""


def neighbours_kept(before: Features, after: Features, k: int = NUM_NEIGHBOURS) -> float:
    """Share of the k nearest neighbours in `before` that are among the k nearest in `after`.

    From 0 to 1; unrelated features give k / (N - 1).

    Raises:
        DataError: the numbers of samples differ, a number is not finite, or there are under 3.
    """
    check_pair(before, after)
    return kept_share(*(nearest_neighbours(one, k)[0] for one in (before, after)))


def neighbour_purity(features: Features, labels: Labels, k: int = NUM_NEIGHBOURS) -> Floats:
    """Share (N,) of a sample's k nearest labelled others that have its label, 0..1.

    NaN for a sample without a label, or the only one with a label. Unrelated features give about
    the share of its class.

    Raises:
        DataError: shapes disagree, a number is not finite, or there are fewer than 3 samples.
    """
    purity = np.full(len(features), np.nan)
    known, classes = with_labels(features, labels)
    purity[np.asarray(labels) >= 0] = same_class_share(nearest_neighbours(known, k)[0], classes)
    return purity


def knn_accuracy(features: Features, labels: Labels, k: int = NUM_NEIGHBOURS) -> float:
    """Share of labelled samples whose label wins the vote of their k nearest labelled others.

    A tie goes to the tied class that has the nearest neighbour.

    Raises:
        DataError: shapes disagree, a number is not finite, or fewer than 2 samples have labels.
    """
    known, classes = with_labels(features, labels)
    if len(classes) < 2:
        raise DataError(f"a vote of neighbours needs 2 labelled samples, got {len(classes)}")
    return float((vote(nearest_neighbours(known, k)[0], classes) == classes).mean())


def trustworthiness(
    features: Features,
    projection: NDArray[np.floating],
    k: int = NUM_NEIGHBOURS,
    *,
    check: Callable[[], None] = lambda: None,
) -> float:
    """Trustworthiness of a map (N, 2) of features (Venna & Kaski, 2001), 0..1.

    1 - 2 / (N k (2 N - 3 k - 1)) times the sum, over the k nearest on the map (by distance) that
    are not among the k nearest by features, of their rank by features minus k. k is at most
    (N - 1) / 2. `check` is called before every block and may raise to stop.

    Raises:
        DataError: shapes disagree, a number is not finite, or there are fewer than 3 samples.
    """
    check_pair(features, projection)
    num = len(features)
    k = min(k, (num - 1) // 2)
    unit = F.normalize(torch.from_numpy(np.array(features, np.float32)), dim=1)
    places = torch.from_numpy(np.array(projection, np.float64))
    excess = 0
    for rows in torch.split(torch.arange(num), max(1, BLOCK_ELEMENTS // num)):
        check()
        distances = torch.cdist(places[rows], places, compute_mode="donot_use_mm_for_euclid_dist")
        own = torch.arange(len(rows)), rows
        distances[own] = torch.inf
        near = distances.topk(k, dim=1, largest=False).indices.numpy()
        cosines = (unit[rows] @ unit.T).index_put(own, torch.tensor(-torch.inf)).numpy()
        for column in near.T:  # NumPy counts ten times as fast here
            threshold = np.take_along_axis(cosines, column[:, None], axis=1)
            rank = 1 + np.count_nonzero(cosines > threshold, axis=1)
            excess += int(np.maximum(rank - k, 0).sum())
    return 1 - 2 * excess / (num * k * (2 * num - 3 * k - 1))


def kept_share(before: Indices, after: Indices) -> float:
    """Mean share of each row of `before` (N, k) that is in the same row of `after` (N, k)."""
    return float((before[:, :, None] == after[:, None, :]).any(axis=2).mean())


def same_class_share(near: Indices, classes: Indices) -> Floats:
    """Share (N,) of each row of `near` (N, k) that has the row's class; NaN where k is 0."""
    if near.shape[1] == 0:
        return np.full(len(near), np.nan)
    return np.asarray((classes[near] == classes[:, None]).mean(axis=1))


def vote(near: Indices, classes: Indices) -> Indices:
    """Class (N,) with most votes among `near` (N, k), nearest first; the first of equals wins."""
    named = classes[near]
    votes = (named[:, :, None] == named[:, None, :]).sum(axis=2)
    winner: Indices = named[np.arange(len(named)), votes.argmax(axis=1)]
    return winner
