"""Which arithmetic is fastest here, measured once per process and device in about 50 ms.

Flags and model names mislead: on CPUs without bf16 units autocast is slower than fp32.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch

_ROWS, _INNER, _COLUMNS = 512, 384, 768
_ROUNDS, _REPEATS = 5, 2
_MARGIN = 1.2  # bf16 loses digits: it must win clearly


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """The arithmetic to run in, and the rates that led to it."""

    dtype: Literal["fp32", "bf16"]
    """bf16 means autocast: weights and reductions stay fp32."""
    matmul: Literal["highest", "medium"]
    """`torch.set_float32_matmul_precision` while it is in force."""
    gflops: tuple[tuple[str, float], ...] = ()
    """(variant, measured GFLOP/s); empty where the choice was given, not measured."""

    @property
    def torch_dtype(self) -> torch.dtype:
        """What the inputs of matrix products are held in where there is no autocast."""
        return torch.bfloat16 if self.dtype == "bf16" else torch.float32


FP32 = PrecisionChoice("fp32", "highest")
"""Plain single precision."""
BF16 = PrecisionChoice("bf16", "medium")
"""bf16 autocast."""


@lru_cache(maxsize=8)
def fastest_precision(device: str = "cpu") -> PrecisionChoice:
    """bf16 where it beats fp32 by a fifth on small matrix products, else fp32 (cached)."""
    if device.startswith("cuda"):
        return BF16 if torch.cuda.is_bf16_supported() else FP32
    if device != "cpu":
        return FP32
    rates = {"fp32": 0.0, "fp32 medium": 0.0, "bf16": 0.0}
    for _ in range(_ROUNDS):  # in turns: other work on the machine must not fall on one of them
        rates["fp32"] = max(rates["fp32"], _rate(torch.float32, "highest"))
        rates["fp32 medium"] = max(rates["fp32 medium"], _rate(torch.float32, "medium"))
        rates["bf16"] = max(rates["bf16"], _rate(torch.bfloat16, "highest"))
    return _choose(rates)


def _choose(rates: dict[str, float]) -> PrecisionChoice:
    """The choice for the rates of `fp32`, `fp32 medium` and `bf16`."""
    matmul: Literal["highest", "medium"] = (
        "medium" if rates["fp32 medium"] > _MARGIN * rates["fp32"] else "highest"
    )
    dtype: Literal["fp32", "bf16"] = "bf16" if rates["bf16"] > _MARGIN * rates["fp32"] else "fp32"
    return PrecisionChoice(dtype, matmul, tuple(rates.items()))


@contextlib.contextmanager
def autocast(device: str | torch.device, choice: PrecisionChoice) -> Iterator[None]:
    """Run the block in `choice`; the process-wide matmul setting is put back afterwards."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(choice.matmul)
    enabled = choice.dtype == "bf16"
    try:
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=enabled):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _rate(dtype: torch.dtype, matmul: str) -> float:
    """Best GFLOP/s of a few products; the least disturbed repeat counts."""
    before = torch.get_float32_matmul_precision()
    left = torch.ones(_ROWS, _INNER, dtype=dtype)
    right = torch.ones(_INNER, _COLUMNS, dtype=dtype)
    torch.set_float32_matmul_precision(matmul)
    try:
        torch.mm(left, right)
        best = min(_seconds(left, right) for _ in range(_REPEATS))
    finally:
        torch.set_float32_matmul_precision(before)
    return 2 * _ROWS * _INNER * _COLUMNS / best / 1e9


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    start = time.perf_counter()
    torch.mm(left, right)
    return time.perf_counter() - start
