"""Exact nearest neighbours by cosine. N samples, D feature dimensions, k neighbours.

One matrix product per block of queries, no index to build. Where bfloat16 products are faster,
they propose the candidates and fp32 decides: a row stands only if no sample outside its
candidates can be nearer, by the rounding bound of bfloat16; the other rows are done in fp32.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from turn_core.errors import DataError

BLOCK_ELEMENTS = 32 * 2**20
"""Similarities held at a time: 128 MB in fp32."""

EXTRA = 32
"""Candidates beyond k that bfloat16 proposes."""

SLACK = 1.5 * 2**-8 + 1e-5
"""What bfloat16 may change in a cosine: 2**-9 of rounding in either factor and in the sum."""

MIN_REDUCED = 20_000
"""Below this many samples the candidates cost more than bfloat16 saves."""

Found = tuple[Tensor, Tensor]
"""Indices and cosines, both (B, k)."""


def nearest_neighbours(
    features: Tensor | NDArray[np.floating],
    k: int,
    *,
    device: torch.device | str = "cpu",
    reduced: bool | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k nearest others of every sample: indices and cosines, both (N, min(k, N - 1)).

    Nearest first, equals by index. A row of zeros has cosine 0 to all. `reduced` says whether
    bfloat16 proposes candidates; None measures which is faster. The result is the same up to
    the rounding of fp32. `check` is called before every block and may raise to stop.

    Raises:
        DataError: features is not (N, D), or k is below 1.
    """
    if features.ndim != 2 or k < 1:
        raise DataError(
            f"features must be (N, D) and k at least 1, got {tuple(features.shape)} and {k}"
        )
    unit = _unit_rows(features, device)
    num, k = len(unit), min(k, len(unit) - 1)
    if k < 1:
        return np.empty((num, 0), np.int64), np.empty((num, 0), np.float32)
    if reduced is None:
        reduced = num >= MIN_REDUCED and _bfloat16_is_faster(unit)
    coarse = unit.bfloat16() if reduced and num > k + EXTRA + 1 else None
    rows = torch.arange(num, device=unit.device)
    blocks = torch.split(rows, max(1, BLOCK_ELEMENTS // num))
    found = []
    for block in blocks:
        check()
        found.append(_exact(unit, block, k) if coarse is None else _reduced(unit, coarse, block, k))
    indices, cosines = (torch.cat(parts).cpu().numpy() for parts in zip(*found))
    return indices, cosines


def _unit_rows(features: Tensor | NDArray[np.floating], device: torch.device | str) -> Tensor:
    if isinstance(features, Tensor):
        return F.normalize(features.to(device, torch.float32), dim=1)
    copy = torch.from_numpy(np.array(features, np.float32))  # a memory map may be read-only
    return F.normalize(copy.to(device), dim=1)


def _similarities(unit: Tensor, rows: Tensor) -> Tensor:
    """Return the cosines (B, N) of `rows` to all, with -inf to themselves."""
    cosines = unit[rows] @ unit.T
    cosines[torch.arange(len(rows), device=rows.device), rows] = -torch.inf
    return cosines


def _exact(unit: Tensor, rows: Tensor, k: int) -> Found:
    cosines, indices = _similarities(unit, rows).topk(k, dim=1)
    return _in_order(indices, cosines)


def _reduced(unit: Tensor, coarse: Tensor, rows: Tensor, k: int) -> Found:
    """Return what `_exact` returns, with most of the work in bfloat16."""
    proposed, candidates = _similarities(coarse, rows).topk(k + EXTRA, dim=1)
    exact = torch.bmm(unit[candidates], unit[rows][:, :, None]).squeeze(2)
    cosines, place = exact.topk(k, dim=1)
    indices, cosines = _in_order(candidates.gather(1, place), cosines)
    unsure = (cosines[:, -1] < proposed[:, -1].float() + SLACK).nonzero().squeeze(1)
    if len(unsure):
        indices[unsure], cosines[unsure] = _exact(unit, rows[unsure], k)
    return indices, cosines


def _in_order(indices: Tensor, cosines: Tensor) -> Found:
    """Sort each row by falling cosine, equals by index."""
    by_index = indices.argsort(dim=1)
    indices, cosines = indices.gather(1, by_index), cosines.gather(1, by_index)
    by_cosine = cosines.argsort(dim=1, descending=True, stable=True)
    return indices.gather(1, by_cosine), cosines.gather(1, by_cosine)


def _bfloat16_is_faster(unit: Tensor) -> bool:
    """Measure both products on a part of the data; takes about 50 ms."""
    part, other = unit[:256], unit[:4096]
    exact = _seconds(lambda: part @ other.T)
    part, other = part.bfloat16(), other.bfloat16()
    return _seconds(lambda: part @ other.T) < 0.7 * exact


def _seconds(product: Callable[[], Tensor]) -> float:
    """Return the shortest of a few runs; reading one number waits for a GPU to finish."""
    times = []
    for _ in range(4):
        start = time.perf_counter()
        product()[0, 0].item()
        times.append(time.perf_counter() - start)
    return min(times)
