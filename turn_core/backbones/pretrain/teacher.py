"""The teacher's CLS features of fixed crops, computed once.

N images, D teacher features, K teacher classes. The teacher's logits are a linear function of its
features, so the features alone are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import ViTForImageClassification

from turn_core.backbones.pretrain.data import Split, crop, crop_boxes, save_array

_BATCH = 16  # small: the activations stay in the cache of one core
_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


@dataclass(frozen=True, slots=True)
class Teacher:
    """What the student learns from: features per view, and the head that reads them."""

    features: tuple[NDArray[np.float16], ...]
    """One (N, D) array per view, memory-mapped."""
    mean: Tensor
    """(D,) mean over the images of the first view."""
    std: Tensor
    """(D,) standard deviation."""
    weight: Tensor
    """(K, D) of the teacher's classifier."""
    bias: Tensor
    """(K,) of the teacher's classifier."""

    def targets(self, view: int, rows: NDArray[np.int64]) -> Tensor:
        """Standardised features (B, D) of `rows` as seen in `view`."""
        raw = torch.from_numpy(self.features[view][rows].astype(np.float32))
        return (raw - self.mean) / self.std

    def logits(self, standardised: Tensor) -> Tensor:
        """(B, D) standardised features -> (B, K) logits of the teacher's classes."""
        return (standardised * self.std + self.mean) @ self.weight.T + self.bias


def load_teacher(
    folder: Path, split: Split, cache: Path, *, views: int, seed: int, log: Callable[[str], None]
) -> Teacher:
    """Read the cached views, computing those that are missing."""
    for view in range(views):
        if not (path := view_path(cache, view)).exists():
            save_array(path, extract_view(folder, split, view=view, seed=seed, log=log))
    features = tuple(np.load(view_path(cache, view), mmap_mode="r") for view in range(views))
    first = features[0].astype(np.float32)  # a view added later must not move the scale
    head = ViTForImageClassification.from_pretrained(folder, use_safetensors=True).classifier
    return Teacher(
        features=features,
        mean=torch.from_numpy(first.mean(axis=0)),
        std=torch.from_numpy(first.std(axis=0)).clamp_min(1e-4),
        weight=head.weight.detach(),
        bias=head.bias.detach(),
    )


def view_path(cache: Path, view: int) -> Path:
    """Where the teacher's features of one view are kept."""
    return cache / f"teacher-view{view}.npy"


@torch.inference_mode()
def extract_view(
    folder: Path, split: Split, *, view: int, seed: int, log: Callable[[str], None]
) -> NDArray[np.float16]:
    """(N, D) CLS features of crop `view` of every image, at 224 px in bf16."""
    model = ViTForImageClassification.from_pretrained(
        folder, use_safetensors=True, attn_implementation="eager"
    )
    body = model.vit.eval()
    boxes = crop_boxes(len(split.labels), seed=seed, view=view)
    found = []
    for start in range(0, len(boxes), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(boxes)))
        pixels = (crop(split.batch(rows), boxes[rows], 224) - _MEAN) / _STD
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = body(pixels).last_hidden_state
        found.append(states[:, 0].to(torch.float16).numpy())
        if start % (_BATCH * 250) == 0:
            log(f"teacher view {view}: {start} of {len(boxes)} images")
    return np.concatenate(found)
