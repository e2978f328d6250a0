"""Frozen features of all samples, computed once and kept. N samples, D feature dimensions."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core import array_file
from turn_core.array_file import ArrayWriter
from turn_core.backbones.loading import Backbone
from turn_core.backbones.precision import PrecisionChoice, autocast
from turn_core.predictions import OnProgress, PixelSource, read_ahead, runs_of, to_device

MARK_BATCHES = 16
"""Batches between two progress marks on the disk."""


def extract_features(
    backbone: Backbone,
    pixels: PixelSource,
    *,
    path: Path,
    batch_size: int,
    precision: PrecisionChoice,
    on_progress: OnProgress = lambda done, total: None,
) -> NDArray[np.float32]:
    """Return features (N, D), fp32, memory-mapped from `path`; what is there is not computed again.

    No gradient, evaluation mode, no augmentation. An interrupted extraction goes on at its last
    mark with the same batches, so that the result is the same bit for bit. `on_progress` is first
    called with what is there. Name `path` after `features_key`.

    Raises:
        ResourceError: the disk has no room for the features.
    """
    if not array_file.exists(path):
        with array_file.only_builder(path, lambda: on_progress(0, len(pixels))) as missing:
            if missing:
                _extract(backbone, pixels, path, batch_size, precision, on_progress)
    features: NDArray[np.float32] = np.lib.format.open_memmap(path, mode="r")
    return features


def features_key(backbone: Backbone, pixels_key: str, precision: PrecisionChoice) -> str:
    """Return the name of the features of these pixels by these weights in this precision."""
    spec = backbone.spec
    digest = hashlib.sha256(f"features-1/{pixels_key}/{precision.dtype}".encode())
    digest.update(f"/{precision.matmul}/{spec.pooling}/{spec.mean}/{spec.std}".encode())
    for name, tensor in backbone.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return f"features-{digest.hexdigest()[:32]}"


@torch.inference_mode()
def _extract(
    backbone: Backbone,
    pixels: PixelSource,
    path: Path,
    batch_size: int,
    precision: PrecisionChoice,
    on_progress: OnProgress,
) -> None:
    backbone.eval()
    device = next(backbone.parameters()).device
    total = len(pixels)
    shape = (total, backbone.feature_dim)
    with ArrayWriter(path, shape, np.float32, what=f"features of {total:,} images") as writer:
        on_progress(writer.done, total)
        for images in read_ahead(pixels, runs_of(writer.done, total, batch_size)):
            images = backbone.normalise(to_device(images, device))
            with autocast(device, precision):
                features = backbone(images)
            writer.append(features.float().cpu().numpy())
            if writer.done % (MARK_BATCHES * batch_size) == 0:
                writer.mark({})
            on_progress(writer.done, total)
        writer.finish({})
