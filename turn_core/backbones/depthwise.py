"""A depthwise convolution whose weight gradient is fast on CPUs for small feature maps.

B samples, C channels, H x W map of P = H * W places, k x k kernel. oneDNN computes the weight
gradient of a depthwise convolution an order of magnitude slower than its forward pass; on the
small maps of turn-mini one batched matrix product of P x B by B x P per channel does the same work.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MAX_PLACES = 256  # above this the P x P products cost more than oneDNN's loop


class DepthwiseConv2d(nn.Conv2d):
    """Same parameters, result and state dict as the `nn.Conv2d` it replaces; stride 1, odd k."""

    @classmethod
    def replacing(cls, conv: nn.Conv2d) -> DepthwiseConv2d:
        """Take over the parameters of `conv` (shared, not copied)."""
        size = conv.kernel_size[0]
        channels = conv.in_channels
        new = cls(channels, channels, size, padding=size // 2, groups=channels, device="meta")
        new.weight, new.bias = conv.weight, conv.bias
        return new.train(conv.training)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name nn.Conv2d gives it
        """(B, C, H, W) -> (B, C, H, W)."""
        places = input.shape[2] * input.shape[3]
        if input.device.type != "cpu" or places > _MAX_PLACES or not torch.is_grad_enabled():
            return super().forward(input)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype
        inputs = (input.to(dtype), self.weight.to(dtype), self.bias)
        return _Depthwise.apply(*inputs)  # type: ignore[no-any-return, no-untyped-call]


class _Depthwise(torch.autograd.Function):
    """Forward and input gradient by oneDNN, weight gradient by batched matrix products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        bias = bias if bias is None else bias.to(x.dtype)
        return F.conv2d(x, weight, bias, padding=weight.shape[2] // 2, groups=weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        x, weight = ctx.saved_tensors
        (grad,) = grads
        grad_x = None
        if ctx.needs_input_grad[0]:
            flipped = weight.flip(2, 3)
            grad_x = F.conv2d(grad, flipped, padding=weight.shape[2] // 2, groups=weight.shape[0])
        grad_bias = grad.float().sum(dim=(0, 2, 3)) if ctx.has_bias else None
        return grad_x, _weight_gradient(x, grad, weight.shape[2]).to(weight.dtype), grad_bias


def _weight_gradient(x: Tensor, grad: Tensor, size: int) -> Tensor:
    """(C, 1, k, k): for every kernel offset the sum over places p of grad[p] * x[p + offset]."""
    batch, channels, height, width = x.shape
    inputs = x.permute(1, 2, 3, 0).reshape(channels, height * width, batch)
    outputs = grad.permute(1, 2, 3, 0).reshape(channels, height * width, batch)
    products = torch.bmm(outputs, inputs.transpose(1, 2)).flatten(1)  # (C, P * P)
    index, offset = _pairs(height, width, size)
    total = torch.zeros(channels, size * size)
    total.index_add_(1, offset, products.index_select(1, index).float())
    return total.view(channels, 1, size, size)


@lru_cache(maxsize=32)
def _pairs(height: int, width: int, size: int) -> tuple[Tensor, Tensor]:
    """Flat indices into the P x P products that lie under the kernel, and their kernel offset."""
    rows = torch.arange(height).repeat_interleave(width)
    cols = torch.arange(width).repeat(height)
    down = rows[None, :] - rows[:, None] + size // 2
    right = cols[None, :] - cols[:, None] + size // 2
    inside = (down >= 0) & (down < size) & (right >= 0) & (right < size)
    return inside.flatten().nonzero().squeeze(1), (down * size + right)[inside]


def speed_up_depthwise(module: nn.Module) -> int:
    """Replace every stride-1 depthwise convolution below `module` in place; returns how many."""
    replaced = 0
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Conv2d and _is_eligible(child):
                setattr(parent, name, DepthwiseConv2d.replacing(child))
                replaced += 1
    return replaced


def _is_eligible(conv: nn.Conv2d) -> bool:
    size = conv.kernel_size[0]
    return (
        conv.groups == conv.in_channels == conv.out_channels
        and conv.kernel_size == (size, size)
        and size % 2 == 1
        and conv.stride == (1, 1)
        and conv.dilation == (1, 1)
        and conv.padding == (size // 2, size // 2)
        and conv.padding_mode == "zeros"
    )
