"""Generalized cross entropy (Zhang & Sabuncu, NeurIPS 2018), plain or truncated.

The paper prunes by alternating search: it fixes which samples count (p > k), trains, and looks
again every ten epochs. Here every step looks, which is the truncated loss itself.
"""

import torch
from torch import Tensor

from turn_core import losses
from turn_core.methods.baseline import BaselineData, MethodResult, OnEpoch
from turn_core.methods.by_loss import probe_by_loss
from turn_core.methods.configs import GceConfig


class GeneralizedCrossEntropy:
    """(1 - p**q) / q; after `plain_epochs`, where truncation is on, flat below p = k."""

    def __init__(self, config: GceConfig) -> None:
        self.config, self.epochs_done = config, 0

    def __call__(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """Return the loss (B,)."""
        q, k = self.config.q, self.config.truncation
        if k == 0 or self.epochs_done < self.config.plain_epochs:
            return losses.gce_loss(logits, labels, q)
        return losses.truncated_gce_loss(logits, labels, q, k)


def run_gce(
    data: BaselineData,
    config: GceConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: OnEpoch | None = None,
) -> MethodResult:
    """Linear probe under generalized cross entropy."""
    objective = GeneralizedCrossEntropy(config)
    return probe_by_loss(data, config.head, objective, seed=seed, device=device, on_epoch=on_epoch)
