"""Tiny-ImageNet as one uint8 array, and the fixed crops that teacher and student both see.

N images of P x P pixels, stored (N, 3, P, P); B is a batch. A crop box is (cx, cy, w, h) in units
of the image, so that the same box can be read at the teacher's and at the student's resolution.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from turn_core.errors import DataError

_SCALE = (0.35, 1.0)
_RATIO = (3 / 4, 4 / 3)


@dataclass(frozen=True, slots=True)
class Split:
    """Decoded images (N, 3, P, P) uint8, memory-mapped, and their labels (N,) int64."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """The images of `rows` as a uint8 tensor (B, 3, P, P)."""
        return torch.from_numpy(self.images[rows])


def load_split(data: Path, name: str, cache: Path) -> Split:
    """Decode the parquet files `name-*.parquet` of `data` once into `cache`, then map them.

    Raises:
        DataError: no such file, or the images differ in size.
    """
    images, labels = cache / f"{name}-images.npy", cache / f"{name}-labels.npy"
    if not (images.exists() and labels.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        decoded, given = _decode(data, name)
        save_array(labels, given)
        save_array(images, decoded)
    return Split(np.load(images, mmap_mode="r"), np.load(labels))


def _decode(data: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    files = sorted(data.glob(f"{name}-*.parquet"))
    if not files:
        raise DataError(f"{data} has no {name}-*.parquet; give the Tiny-ImageNet parquet folder")
    pixels, labels = [], []
    for file in files:
        table = pq.read_table(file, columns=["image", "label"])
        labels += table["label"].to_pylist()
        for item in table["image"].to_pylist():
            with Image.open(io.BytesIO(item["bytes"])) as image:
                pixels.append(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    sizes = {array.shape for array in pixels}
    if len(sizes) != 1:
        raise DataError(f"{name} images differ in size ({sorted(sizes)[:3]}); give 64 px images")
    return np.stack(pixels), np.asarray(labels, dtype=np.int64)


def save_array(path: Path, array: NDArray[np.generic]) -> None:
    """Write `array` to `path` in one step: a reader sees the whole file or none."""
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.save(file, array)
    partial.replace(path)


def crop_boxes(count: int, *, seed: int, view: int) -> Tensor:
    """Random resized crops (cx, cy, w, h), (count, 4) in 0..1, fixed by (seed, view)."""
    rng = np.random.default_rng((seed, view))
    area = rng.uniform(*_SCALE, count)
    ratio = np.exp(rng.uniform(math.log(_RATIO[0]), math.log(_RATIO[1]), count))
    width = np.minimum(np.sqrt(area * ratio), 1.0)
    height = np.minimum(np.sqrt(area / ratio), 1.0)
    left = rng.uniform(0, 1, count) * (1 - width)
    top = rng.uniform(0, 1, count) * (1 - height)
    boxes = np.stack([left + width / 2, top + height / 2, width, height], axis=1)
    return torch.from_numpy(boxes.astype(np.float32))


def crop(images: Tensor, boxes: Tensor, size: int, flip: Tensor | None = None) -> Tensor:
    """Cut `boxes` (B, 4) out of uint8 images, bilinear, to (B, 3, size, size) float in 0..1.

    `flip` (B,) bool mirrors those samples left to right.
    """
    sign = torch.ones(len(boxes)) if flip is None else 1.0 - 2.0 * flip.float()
    theta = torch.zeros(len(boxes), 2, 3)
    theta[:, 0, 0] = boxes[:, 2] * sign
    theta[:, 1, 1] = boxes[:, 3]
    theta[:, :, 2] = boxes[:, :2] * 2 - 1
    grid = F.affine_grid(theta, [len(boxes), 3, size, size], align_corners=False)
    pixels = images.float().div_(255)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
