"""Training by a loss of one's own: what CE, GCE and ELR share, on features."""

from typing import Protocol

import torch
from torch import Tensor

from turn_core.linear_probe import LinearProbe, fit_linear_probe
from turn_core.methods.baseline import AccuracyCurve, BaselineData, MethodResult, OnEpoch
from turn_core.methods.configs import HeadTraining


class Objective(Protocol):
    """A `losses.SampleLoss` that is told how far training is."""

    epochs_done: int

    def __call__(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """Return the loss (B,) of logits (B, K) of the samples numbered `rows` (B,)."""
        ...


def probe_by_loss(
    data: BaselineData,
    training: HeadTraining,
    objective: Objective,
    *,
    seed: int,
    device: torch.device | str,
    on_epoch: OnEpoch | None,
) -> MethodResult:
    """Train a linear head on the features under `objective`.

    Raises:
        JobError: the loss is not finite.
    """
    curve = AccuracyCurve(data.test_labels, on_epoch)

    def on_head(epoch: int, head: LinearProbe) -> None:
        objective.epochs_done = epoch
        curve.add(head.logits(data.test_features))

    head = fit_linear_probe(
        data.features,
        data.labels,
        data.num_classes,
        training.as_probe(),
        seed=seed,
        device=device,
        loss=objective,
        on_head=on_head,
    )
    return curve.result(head.logits(data.features))
