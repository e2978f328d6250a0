"""Early-learning regularization, ELR (Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020).

A model fits right labels first. The running mean of its early predictions is a target that it is
then held to, against the pull of wrong labels.
"""

import torch
from torch import Tensor

from turn_core import losses
from turn_core.methods.baseline import BaselineData, MethodResult, OnEpoch
from turn_core.methods.by_loss import probe_by_loss
from turn_core.methods.configs import ElrConfig


class EarlyLearning:
    """Cross entropy + lambda log(1 - <t, p>), with a running target per sample, at first 0."""

    def __init__(
        self, config: ElrConfig, num_samples: int, num_classes: int, device: torch.device | str
    ) -> None:
        self.config, self.epochs_done = config, 0
        self.target_ema = torch.zeros(num_samples, num_classes, device=device)

    def __call__(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """Move the targets of these samples, then return their loss (B,) against them."""
        targets = losses.elr_target(self.target_ema[rows], logits, self.config.beta)
        self.target_ema[rows] = targets
        return losses.elr_loss(logits, labels, targets, self.config.weight)


def run_elr(
    data: BaselineData,
    config: ElrConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: OnEpoch | None = None,
) -> MethodResult:
    """Linear probe under ELR."""
    objective = EarlyLearning(config, len(data.labels), data.num_classes, device)
    return probe_by_loss(data, config.head, objective, seed=seed, device=device, on_epoch=on_epoch)
