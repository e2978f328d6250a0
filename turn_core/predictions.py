"""What a model says of every sample, kept in O(N): never the whole (N, K). B per forward pass."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turn_core import losses
from turn_core.backbones.classifier import Classifier
from turn_core.backbones.precision import PrecisionChoice, autocast
from turn_core.linear_probe import Features, LinearProbe

TOP = 5
"""Classes kept per sample, or all where there are fewer."""
PROBE_ROWS = 8192
"""Features put through the linear head at a time."""

OnProgress = Callable[[int, int], None]
"""Called with (done, total), first with what is there, then after each batch; may raise to stop."""


LabelLoss = Callable[[Tensor, Tensor], Tensor]
"""How badly labels (B,) fit logits (B, K), per sample: what cleansing is done by."""


class PixelSource(Protocol):
    """N decoded images: a `pixels.PixelCache`, or any stand-in."""

    def __len__(self) -> int:
        """N."""
        ...

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the images `rows` as uint8 (B, 3, S, S)."""
        ...


@dataclass(frozen=True, slots=True)
class PixelRows:
    """Some images of a source, under new numbers."""

    source: PixelSource
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the images numbered `rows` here."""
        return self.source.batch(self.rows[rows])


@dataclass(frozen=True, slots=True)
class Predictions:
    """One pass over all samples: `top_class` and `top_probability` are (N, <= 5), best first."""

    loss: NDArray[np.float32]
    given_probability: NDArray[np.float32]
    top_class: NDArray[np.int64]
    top_probability: NDArray[np.float32]


def predict_from_features(
    probe: LinearProbe,
    features: Features,
    labels: NDArray[np.int64],
    *,
    loss: LabelLoss = losses.ce_loss,
    on_progress: OnProgress = lambda done, total: None,
) -> Predictions:
    """Predictions of the linear probe on features (N, D): a pass that costs no forward pass."""
    out = _empty(labels, len(probe.bias))
    on_progress(0, len(labels))
    for start in range(0, len(labels), PROBE_ROWS):
        rows = slice(start, start + PROBE_ROWS)
        _fill(out, rows, probe.logits(features[rows]), labels[rows], loss)
        on_progress(min(rows.stop, len(labels)), len(labels))
    return out


@torch.inference_mode()
def predict_from_pixels(
    model: Classifier,
    pixels: PixelSource,
    labels: NDArray[np.int64],
    *,
    batch_size: int,
    precision: PrecisionChoice,
    loss: LabelLoss = losses.ce_loss,
    on_progress: OnProgress,
) -> Predictions:
    """Predictions of the full model in evaluation mode, without augmentation; fp32 loss."""
    model.eval()
    device = next(model.parameters()).device
    out = _empty(labels, model.head.out_features)
    on_progress(0, len(labels))
    done = 0
    for images in read_ahead(pixels, runs_of(0, len(labels), batch_size)):
        images = model.backbone.normalise(to_device(images, device))
        rows = slice(done, done + len(images))
        _fill(out, rows, forward(model, images, precision), labels[rows], loss)
        done = rows.stop
        on_progress(done, len(labels))
    return out


def runs_of(start: int, stop: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield start..stop-1 in runs of at most `size`."""
    for first in range(start, stop, size):
        yield np.arange(first, min(first + size, stop))


def read_ahead(
    pixels: PixelSource, batches: Iterable[NDArray[np.int64]]
) -> Generator[Tensor, None, None]:
    """Yield the images of each batch while a thread reads those of the next."""
    with ThreadPoolExecutor(1) as pool:
        waiting: Future[Tensor] | None = None
        for rows in batches:
            following = pool.submit(pixels.batch, rows)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()


def forward(model: Classifier, images: Tensor, precision: PrecisionChoice) -> Tensor:
    """Logits (B, K) of normalised images; the backbone in `precision`, the head always in fp32.

    A bf16 head would round logits near 20 to steps of 0.125, and with them the ranking.
    """
    with autocast(images.device, precision):
        features = model.features(images)
    logits: Tensor = model.head(features.float())
    return logits


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Move a batch; to a GPU through pinned memory, without waiting."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def _empty(labels: NDArray[np.int64], num_classes: int) -> Predictions:
    size, top = len(labels), min(TOP, num_classes)
    return Predictions(
        np.empty(size, np.float32),
        np.empty(size, np.float32),
        np.empty((size, top), np.int64),
        np.empty((size, top), np.float32),
    )


def _fill(
    out: Predictions, rows: slice, logits: Tensor, labels: NDArray[np.int64], loss: LabelLoss
) -> None:
    given = torch.from_numpy(labels).to(logits.device)
    probability, top_class = logits.softmax(dim=1).topk(out.top_class.shape[1], dim=1)
    out.loss[rows] = loss(logits, given).cpu().numpy()
    out.given_probability[rows] = torch.exp(-losses.ce_loss(logits, given)).cpu().numpy()
    out.top_class[rows] = top_class.cpu().numpy()
    out.top_probability[rows] = probability.cpu().numpy()
