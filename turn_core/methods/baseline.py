"""What a baseline is given and what it returns. N samples, T of them for testing, K classes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from turn_core.errors import DataError
from turn_core.linear_probe import Features
from turn_core.predictions import PixelSource
from turn_core.views import FeatureViews

OnEpoch = Callable[[int, float], None]
"""Receives the number of an epoch, from 1, and its test accuracy; may raise to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineData:
    """Frozen features of a labelled set, and of a test set whose labels are right."""

    features: Features
    """(N, D) without augmentation."""
    labels: NDArray[np.int64]
    """(N,) in 0..K-1, possibly wrong."""
    test_features: Features
    """(T, D)."""
    test_labels: NDArray[np.int64]
    """(T,) in 0..K-1."""
    num_classes: int
    """K, 2 or more."""
    views: FeatureViews | None = None
    """Features of changed copies of the N images, for the methods that compare them."""

    def __post_init__(self) -> None:
        check_labels("training", self.features, self.labels, self.num_classes)
        check_labels("test", self.test_features, self.test_labels, self.num_classes)
        if self.features.shape[1] != self.test_features.shape[1]:
            raise DataError(
                f"features for training have {self.features.shape[1]} dimensions, for testing "
                f"{self.test_features.shape[1]}; extract both with one backbone"
            )
        every = (*self.views.weak, *self.views.strong) if self.views else ()
        shapes = {tuple(view.shape) for view in every} - {tuple(self.features.shape)}
        if shapes:
            raise DataError(
                f"views have shape {', '.join(map(str, shapes))}, the features "
                f"{tuple(self.features.shape)}; extract views of the same images"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageData:
    """Images with labels that may be wrong, and others that accuracy is measured on."""

    pixels: PixelSource
    """N images."""
    labels: NDArray[np.int64]
    """(N,), possibly wrong."""
    test_pixels: PixelSource
    """T images, none of them among the N; `PixelRows` picks a held-out split out of one source."""
    test_labels: NDArray[np.int64]
    """(T,)."""

    def __post_init__(self) -> None:
        for what, pixels, labels in (
            ("training", self.pixels, self.labels),
            ("testing", self.test_pixels, self.test_labels),
        ):
            if not len(labels) or len(pixels) != len(labels):
                raise DataError(
                    f"{len(pixels)} images for {what} have {len(labels)} labels; give one each"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """How well a method did, and what its last model says of the samples it was trained on."""

    curve: tuple[float, ...]
    """Test accuracy after every epoch, 0..1."""
    top_class: NDArray[np.int64]
    """(E, T) the class that the model after each epoch puts first for every test sample."""
    pred_probs: NDArray[np.float32]
    """(N, K) of the last model, without augmentation; in sample."""
    notes: tuple[str, ...] = ()
    """Sentences on what did not go the usual way."""

    @property
    def best_accuracy(self) -> float:
        """The highest test accuracy of any epoch: an upper bound, for it is chosen on the test."""
        return max(self.curve)

    @property
    def last_accuracy(self) -> float:
        """The test accuracy after the last epoch."""
        return self.curve[-1]


class AccuracyCurve:
    """Collects the test accuracy of every epoch."""

    def __init__(self, test_labels: NDArray[np.int64], on_epoch: OnEpoch | None) -> None:
        self._labels, self._on_epoch = test_labels, on_epoch
        self._points: list[float] = []
        self._tops: list[NDArray[np.int64]] = []

    def add(self, test_logits: Tensor) -> None:
        """Add the epoch whose model gives these logits (T, K)."""
        top = test_logits.argmax(dim=1).cpu().numpy()
        self._tops.append(top)
        self._points.append(float(np.mean(top == self._labels)))
        if self._on_epoch is not None:
            self._on_epoch(len(self._points), self._points[-1])

    def result(self, logits: Tensor, notes: tuple[str, ...] = ()) -> MethodResult:
        """Close the curve with the last model's logits (N, K) of the training samples."""
        return MethodResult(
            curve=tuple(self._points),
            top_class=np.array(self._tops, np.int64).reshape(len(self._tops), len(self._labels)),
            pred_probs=logits.softmax(dim=1).cpu().numpy(),
            notes=notes,
        )


def check_labels(
    what: str, features: Features, labels: NDArray[np.int64], num_classes: int
) -> None:
    """Raise DataError unless features are (N, D) and labels (N,) in 0..K-1, N and K above 0, 1."""
    if features.ndim != 2 or labels.shape != (len(features),) or not len(labels):
        raise DataError(
            f"features for {what} have shape {tuple(features.shape)}, labels {labels.shape}; "
            "give (N, D) features and one label for each of the N"
        )
    if num_classes < 2 or labels.min() < 0 or labels.max() >= num_classes:
        raise DataError(
            f"labels for {what} run from {labels.min()} to {labels.max()}; with {num_classes} "
            "classes (2 at least) they must be from 0 to one less"
        )
