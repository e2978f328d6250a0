"""Cross entropy, the control: what happens when nothing is done about wrong labels."""

import torch
from torch import Tensor

from turn_core import losses
from turn_core.methods.baseline import BaselineData, MethodResult, OnEpoch
from turn_core.methods.by_loss import probe_by_loss
from turn_core.methods.configs import CeConfig


class CrossEntropy:
    """-log p of the given label."""

    def __init__(self) -> None:
        self.epochs_done = 0

    def __call__(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """Return the loss (B,)."""
        return losses.ce_loss(logits, labels)


def run_ce(
    data: BaselineData,
    config: CeConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: OnEpoch | None = None,
) -> MethodResult:
    """Linear probe under cross entropy."""
    return probe_by_loss(
        data, config.head, CrossEntropy(), seed=seed, device=device, on_epoch=on_epoch
    )
