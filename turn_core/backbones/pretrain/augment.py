"""What the student sees on top of the shared crop; pixels are (B, 3, P, P) in 0..1.

The teacher saw the plain crop: colour and blur are for the student to see through.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

_LUMA = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)


def augment(pixels: Tensor, generator: Generator) -> Tensor:
    """Low resolution and grey for some of the samples, colour jitter for all; no more.

    Within two hours on a CPU the student underfits: stronger augmentation would only slow it down.
    """
    pixels = _lower_resolution(pixels, generator, share=0.3)
    return _jitter_colour(pixels, generator, strength=0.2, grey_share=0.1)


def jitter_boxes(boxes: Tensor, generator: Generator, *, strength: float) -> Tensor:
    """Shift and scale crop boxes (B, 4) a little, staying inside the image."""
    noise = strength * (2 * torch.rand(boxes.shape, generator=generator) - 1)
    size = (boxes[:, 2:] * (1 + noise[:, 2:])).clamp(max=1.0)
    centre = boxes[:, :2] + noise[:, :2] * boxes[:, 2:]
    centre = torch.minimum(torch.maximum(centre, size / 2), 1 - size / 2)
    return torch.cat([centre, size], dim=1)


def _chosen(count: int, share: float, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator) < share


def _lower_resolution(pixels: Tensor, generator: Generator, *, share: float) -> Tensor:
    """Halve the resolution and scale up again: people bring 32 px images too."""
    chosen = _chosen(len(pixels), share, generator)
    size = pixels.shape[2:]
    small = F.avg_pool2d(pixels[chosen], 2)
    pixels = pixels.clone()
    pixels[chosen] = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
    return pixels


def _jitter_colour(
    pixels: Tensor, generator: Generator, *, strength: float, grey_share: float
) -> Tensor:
    """Brightness, contrast and saturation within 1 +- strength; some samples all grey."""
    shape = (3, len(pixels), 1, 1, 1)
    factors = 1 + strength * (2 * torch.rand(shape, generator=generator) - 1)
    brightness, contrast, saturation = factors
    saturation[_chosen(len(pixels), grey_share, generator)] = 0.0
    pixels = pixels * brightness
    grey = (pixels * _LUMA).sum(dim=1, keepdim=True)
    level = grey.mean(dim=(2, 3), keepdim=True) * (1 - contrast)
    pixels = contrast * (grey + saturation * (pixels - grey)) + level
    return pixels.clamp_(0, 1)
