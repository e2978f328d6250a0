"""Out-of-sample probabilities by cross-validation on frozen features, for confident learning.

N samples, D feature dimensions, K classes, F folds. A linear probe under cross entropy is fitted
F times, each time without one fold, and asked about that fold.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core.config import ProbeConfig
from turn_core.linear_probe import Features, fit_linear_probe
from turn_core.seeds import derive

FOLDS = 5
CHUNK = 8192
"""Features put through the head at a time."""

OnProgress = Callable[[int, int], None]


def folds_of(
    labels: NDArray[np.int64], image_keys: Sequence[str], *, folds: int = FOLDS
) -> NDArray[np.int64]:
    """Return the fold (N,) of each sample: every class spread evenly, copies of an image together.

    Images are ordered by class, then by a hash of their key, and dealt in turn; an image with
    several labels goes by its first one.
    """
    first: dict[str, int] = {}
    for row, key in enumerate(image_keys):
        first.setdefault(key, row)
    keys = list(first)
    place = [hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys]
    order = sorted(range(len(keys)), key=lambda i: (labels[first[keys[i]]], place[i]))
    fold = {keys[image]: turn % folds for turn, image in enumerate(order)}
    return np.array([fold[key] for key in image_keys], np.int64)


def out_of_sample(  # noqa: PLR0913 - those of a probe, and the folds
    features: Features,
    labels: NDArray[np.int64],
    num_classes: int,
    config: ProbeConfig,
    fold: NDArray[np.int64],
    *,
    seed: int,
    mask: NDArray[np.bool_],
    device: torch.device,
    on_progress: OnProgress = lambda done, total: None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return probabilities (N, K) by heads that never saw the sample, and who could not be judged.

    Only the samples of `mask` (N,) are trained on; those outside it, and those whose class is
    trained on in no other fold, cannot be judged (N,). `on_progress` gets the folds done at every
    epoch and may raise to stop.
    """
    probabilities = np.full((len(labels), num_classes), 1 / num_classes, np.float32)
    judged, plain = mask.copy(), replace(config, loss="ce")
    num_folds = int(fold.max(initial=-1)) + 1
    for number in range(num_folds):
        held, trained = fold == number, mask & (fold != number)
        judged[held] &= np.isin(labels[held], np.unique(labels[trained]))
        if not trained.any():
            continue

        def on_epoch(epoch: int, loss: float, number: int = number) -> None:
            on_progress(number, num_folds)

        head = fit_linear_probe(
            features,
            labels,
            num_classes,
            plain,
            seed=derive(seed, "second opinion", number),
            mask=trained,
            device=device,
            on_epoch=on_epoch,
        )
        for part in _parts(np.flatnonzero(held)):
            probabilities[part] = head.logits(features[part]).softmax(dim=1).cpu().numpy()
    on_progress(num_folds, num_folds)
    return probabilities, ~judged


def _parts(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.split(rows, range(CHUNK, len(rows), CHUNK))
