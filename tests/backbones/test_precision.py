"""The choice of arithmetic."""

import torch

from turn_core.backbones import precision
from turn_core.backbones.precision import BF16, FP32, autocast, fastest_precision


def test_choose__bf16_only_where_it_wins_clearly():
    fast = precision._choose({"fp32": 100, "fp32 medium": 190, "bf16": 430})
    assert (fast.dtype, fast.matmul) == ("bf16", "medium")
    slow = precision._choose({"fp32": 100, "fp32 medium": 101, "bf16": 60})
    assert (slow.dtype, slow.matmul) == ("fp32", "highest")
    half = precision._choose({"fp32": 100, "fp32 medium": 190, "bf16": 110})
    assert (half.dtype, half.matmul) == ("fp32", "medium")


def test_fastest__measured_once_and_with_its_rates():
    first = fastest_precision("cpu")
    assert first is fastest_precision("cpu")
    assert all(rate > 0 for _, rate in first.gflops)


def test_autocast__applies_and_is_undone():
    before = torch.get_float32_matmul_precision()
    matrix = torch.ones(4, 4)
    with autocast("cpu", BF16):
        assert (matrix @ matrix).dtype == torch.bfloat16
        assert torch.get_float32_matmul_precision() == "medium"
    with autocast(torch.device("cpu"), FP32):
        assert (matrix @ matrix).dtype == torch.float32
    assert torch.get_float32_matmul_precision() == before
