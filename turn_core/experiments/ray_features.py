"""Frozen features by Ray: each worker runs `features.extract_features` on a part of the images.

N images, B per forward pass, D feature dimensions. Parts begin at multiples of B, so that every
forward pass sees the images that it would see in one process.
"""

import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core import array_file
from turn_core.array_file import ArrayWriter
from turn_core.backbones.loading import Backbone
from turn_core.backbones.precision import PrecisionChoice
from turn_core.features import MARK_BATCHES
from turn_core.features import extract_features as extract_here
from turn_core.predictions import OnProgress, PixelRows, PixelSource

LOOK_SECONDS = 0.5
"""How long to wait for a part before asking again whether to go on."""
AHEAD = 2
"""Parts in work or waiting for each worker: so many features are held in memory, not all."""


def extract_features(
    backbone: Backbone,
    pixels: PixelSource,
    *,
    path: Path,
    batch_size: int,
    precision: PrecisionChoice,
    on_progress: OnProgress = lambda done, total: None,
) -> NDArray[np.float32]:
    """Do what `features.extract_features` does, on all workers of the connected cluster.

    `pixels` must be readable there: a `PixelCache` is opened again under its path.

    Raises:
        ResourceError: the disk has no room for the features.
    """
    if not array_file.exists(path):
        with array_file.only_builder(path, lambda: on_progress(0, len(pixels))) as missing:
            if missing:
                _extract(backbone, pixels, path, batch_size, precision, on_progress)
    features: NDArray[np.float32] = np.lib.format.open_memmap(path, mode="r")
    return features


def _extract(
    backbone: Backbone,
    pixels: PixelSource,
    path: Path,
    batch_size: int,
    precision: PrecisionChoice,
    on_progress: OnProgress,
) -> None:
    import ray

    total, shape = len(pixels), (len(pixels), backbone.feature_dim)
    on_gpu = next(backbone.parameters()).device.type == "cuda"
    shared = ray.put((backbone.cpu(), pixels, batch_size, precision, on_gpu))
    work = ray.remote(num_cpus=1, num_gpus=int(on_gpu))(_part)
    with ArrayWriter(path, shape, np.float32, what=f"features of {total:,} images") as writer:
        on_progress(writer.done, total)
        starts = range(writer.done, total, MARK_BATCHES * batch_size)
        calls = (work.remote(shared, start) for start in starts)
        workers = ray.cluster_resources().get("GPU" if on_gpu else "CPU", 1)
        limit = AHEAD * max(1, int(workers))
        for part in _in_order(ray, calls, limit, lambda: on_progress(writer.done, total)):
            writer.append(part)
            writer.mark({})
            on_progress(writer.done, total)
        writer.finish({})


def _in_order(
    ray: Any, calls: Iterator[Any], limit: int, while_waiting: Callable[[], None]
) -> Iterator[NDArray[np.float32]]:
    """Yield what the calls return, in their order, with at most `limit` of them under way."""
    waiting = list(islice(calls, limit))
    while waiting:
        while not ray.wait([waiting[0]], timeout=LOOK_SECONDS)[0]:
            while_waiting()
        part: NDArray[np.float32] = ray.get(waiting.pop(0))
        waiting += islice(calls, 1)
        yield part


def _part(shared: tuple[Backbone, PixelSource, int, PrecisionChoice, bool], start: int) -> Any:
    """Return the features of the images from `start` on, up to the next mark."""
    backbone, pixels, batch_size, precision, on_gpu = shared
    rows = np.arange(start, min(start + MARK_BATCHES * batch_size, len(pixels)))
    with tempfile.TemporaryDirectory() as folder:
        features = extract_here(
            backbone.to("cuda" if on_gpu else "cpu"),
            PixelRows(pixels, rows),
            path=Path(folder) / "part.npy",
            batch_size=batch_size,
            precision=precision,
        )
        return np.array(features)
