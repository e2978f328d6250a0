"""Pixels decoded once: a uint8 `.npy` file of all images in the geometry of a backbone.

N images, B batch, S the side that the backbone takes. Where all images of a set share one small
size, that size is kept and the resize to S happens per batch by Pillow's own rule (`antialias`):
equal to resizing first but for the last bit (2 of 255 at most, in one value of a thousand).
"""

import hashlib
import os
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from turn_core import array_file, images
from turn_core.array_file import ArrayWriter
from turn_core.backbones.registry import BackboneSpec
from turn_core.config import IngestLimits
from turn_core.errors import DataError, JobError

CHUNK = 256
"""Images decoded between two writes."""
MARK_EVERY = 4096
"""Images between two progress marks on the disk: at most this many are decoded again."""
MAX_UNREADABLE = 0.01
"""A run fails when more than this share of its images (and more than one) cannot be read."""

_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_TRANSPOSED = (5, 6, 7, 8)  # values of EXIF 274 that swap width and height


@dataclass(frozen=True, slots=True)
class Geometry:
    """How an image becomes (3, size, size): shorter side to `shorter`, then the centre.

    `shorter` None means that both sides are stretched to `size`.
    """

    size: int
    shorter: int | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"

    @staticmethod
    def of(spec: BackboneSpec) -> "Geometry":
        """Return the geometry that a backbone takes."""
        return Geometry(spec.input_px, spec.resize_px, spec.interpolation)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) of an image before its centre is taken."""
        if self.shorter is None:
            return self.size, self.size
        scale = self.shorter / min(height, width)
        return max(self.size, round(height * scale)), max(self.size, round(width * scale))

    def offset(self, height: int, width: int) -> tuple[int, int]:
        """Return the (top, left) of the centre in a resized image."""
        return (height - self.size) // 2, (width - self.size) // 2


class PixelCache:
    """Decoded images (N, 3, S, S) in a file. Rows that could not be read are black and marked."""

    def __init__(self, path: Path, geometry: Geometry) -> None:
        self.geometry = geometry
        mapped = np.lib.format.open_memmap(path, mode="r")
        self._row_shape = tuple(mapped.shape[1:])
        self._length = len(mapped)
        self._offset = mapped.offset
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        notes = array_file.read_notes(path)
        self._is_source = bool(notes["is_source"])
        self.key = path.stem
        """Hash of the images and the geometry: names the file."""
        self.unreadable = np.zeros(self._length, dtype=bool)
        """(N,) True where the original could not be read any more."""
        self.unreadable[notes["unreadable"]] = True

    def __len__(self) -> int:
        return self._length

    def __reduce__(self) -> tuple[type["PixelCache"], tuple[Path, Geometry]]:
        """Open the file anew in another process, which must see it under the same path."""
        return PixelCache, (self._path, self.geometry)

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the images `rows` as uint8 (B, 3, S, S) on the CPU.

        Plain reads rather than a memory map: a damaged disk raises an error instead of killing the
        process, and the pages do not count as memory of the worker.
        """
        block = np.empty((len(rows), *self._row_shape), dtype=np.uint8)
        row_bytes = block[0].nbytes if len(rows) else 0
        for target, row in zip(block, rows, strict=True):
            place = self._offset + int(row) * row_bytes
            count = os.preadv(self._descriptor, [memoryview(target)], place)
            if count != row_bytes:
                raise JobError(
                    f"the pixel cache {self._path} is cut off at image {row}; delete the file "
                    "and start the run again"
                )
        pixels = torch.from_numpy(block)
        return to_geometry(pixels, self.geometry) if self._is_source else pixels


def to_geometry(pixels: Tensor, geometry: Geometry) -> Tensor:
    """Resize uint8 (B, 3, H, W) as Pillow does and take the centre: uint8 (B, 3, S, S)."""
    height, width = pixels.shape[2:]
    target = geometry.resized(height, width)
    if (height, width) != target:
        pixels = F.interpolate(pixels, size=target, mode=geometry.interpolation, antialias=True)
    top, left = geometry.offset(*target)
    return pixels[:, :, top : top + geometry.size, left : left + geometry.size]


def build_pixel_cache(
    folder: Path,
    blobs: Sequence[Path],
    sha256s: Sequence[str],
    geometry: Geometry,
    *,
    limits: IngestLimits,
    threads: int = 2,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PixelCache:
    """Decode `blobs` (N files whose contents hash to `sha256s`) once, or open what is there.

    An interrupted build goes on where its last mark stands. `on_progress(done, total)` is called
    first with what is there, then after every chunk, and may raise to stop.

    Raises:
        ResourceError: the disk has no room for N images.
        JobError: more than MAX_UNREADABLE of the images cannot be read.
    """
    path = folder / f"{cache_key(sha256s, geometry)}.npy"
    if not array_file.exists(path):
        with array_file.only_builder(path, lambda: on_progress(0, len(blobs))) as missing:
            if missing:
                _Builder(blobs, sha256s, geometry, limits).run(path, threads, on_progress)
    return PixelCache(path, geometry)


def cache_key(sha256s: Sequence[str], geometry: Geometry) -> str:
    """Return the name of the cache of these images, in this order, in this geometry."""
    digest = hashlib.sha256(f"pixels-1/{geometry}".encode())
    for sha256 in sha256s:
        digest.update(sha256.encode())
    return f"pixels-{digest.hexdigest()[:32]}"


class _Builder:
    """Decodes rows in order and appends them to the file."""

    def __init__(
        self,
        blobs: Sequence[Path],
        sha256s: Sequence[str],
        geometry: Geometry,
        limits: IngestLimits,
    ) -> None:
        self.blobs, self.sha256s = blobs, sha256s
        self.geometry, self.limits = geometry, limits
        common = _common_small_size(blobs, geometry)
        self.is_source = common is not None
        self.stored = common or (geometry.size, geometry.size)
        self.unreadable: list[int] = []

    def run(self, path: Path, threads: int, on_progress: Callable[[int, int], None]) -> None:
        total = len(self.blobs)
        with (
            ArrayWriter(
                path, (total, 3, *self.stored), np.uint8, what=f"decoding {total:,} images"
            ) as writer,
            ThreadPoolExecutor(threads) as pool,
        ):
            self.unreadable = list(writer.notes.get("unreadable", []))
            on_progress(writer.done, total)
            for first in range(writer.done, total, CHUNK):
                rows = range(first, min(first + CHUNK, total))
                decoded = pool.map(self._decode, rows)
                writer.append(np.stack([self._row(r, d) for r, d in zip(rows, decoded)]))
                if writer.done % MARK_EVERY == 0:
                    writer.mark(self._notes())
                on_progress(writer.done, total)
            writer.finish(self._notes())

    def _notes(self) -> dict[str, Any]:
        return {"unreadable": self.unreadable, "is_source": self.is_source}

    def _decode(self, row: int) -> NDArray[np.uint8] | None:
        """(3, H, W) of one image in the stored size, or None where it cannot be read."""
        try:
            data = self.blobs[row].read_bytes()
            if hashlib.sha256(data).hexdigest() != self.sha256s[row]:
                return None
            image = images.decode(data, limits=self.limits)
        except (DataError, OSError):
            return None
        if not self.is_source:
            image = _resize(image, self.geometry)
        elif (image.height, image.width) != self.stored:
            return None
        return np.asarray(image).transpose(2, 0, 1)

    def _row(self, row: int, pixels: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        if pixels is not None:
            return pixels
        self.unreadable.append(row)
        if len(self.unreadable) > max(1, int(MAX_UNREADABLE * len(self.blobs))):
            raise JobError(
                f"{len(self.unreadable)} of {len(self.blobs)} stored images can no longer be "
                f"read, the first is {self.blobs[self.unreadable[0]]}; restore the folder of "
                "images from a backup and start the run again"
            )
        return np.zeros((3, *self.stored), dtype=np.uint8)


def _resize(image: Image.Image, geometry: Geometry) -> Image.Image:
    height, width = geometry.resized(image.height, image.width)
    image = image.resize((width, height), _RESAMPLING[geometry.interpolation])
    top, left = geometry.offset(height, width)
    return image.crop((left, top, left + geometry.size, top + geometry.size))


def _common_small_size(blobs: Sequence[Path], geometry: Geometry) -> tuple[int, int] | None:
    """Return the (height, width) all images share where it is no larger than the target."""
    common: tuple[int, int] | None = None
    for blob in blobs:
        size = _header_size(blob)
        if size is None:
            continue
        target = geometry.resized(*size)
        if size != (common or size) or size[0] > target[0] or size[1] > target[1]:
            return None
        common = size
    return common


def _header_size(blob: Path) -> tuple[int, int] | None:
    try:
        with Image.open(blob, formats=images.FORMATS) as image:
            turned = image.getexif().get(274) in _TRANSPOSED
            return (image.width, image.height) if turned else (image.height, image.width)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError):
        return None
