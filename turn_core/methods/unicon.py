"""UNICON (Karim, Rizve, Rahnavard, Mian, Shah, CVPR 2022) by linear probe on cached views.

As DivideMix, but both heads choose together, by the Jensen-Shannon divergence of their mean
prediction from the label, and the same number from every class; labels are made on weak views and
learnt on strong ones; a contrastive loss trains a projection. N samples, K classes.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from turn_core import losses
from turn_core.errors import DataError
from turn_core.methods.baseline import AccuracyCurve, BaselineData, MethodResult, OnEpoch
from turn_core.methods.configs import UniconConfig
from turn_core.methods.two_heads import (
    MIN_VIEWS,
    Head,
    Split,
    co_guess,
    co_refine,
    make_heads,
    mix_match_loss,
    paired_batches,
    warm_up,
)
from turn_core.seeds import derive

FLOOR = 0.01
"""The learning rate ends at this share of its start."""
BELIEVED = 0.5
"""A divergence below this leaves the given label as it is; above, it counts 1 - divergence."""
PROJECTION = 128
"""Dimensions of the projection for the contrastive loss."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the divergences say."""

    split: Split
    ratio: float
    """R: share of samples below the cut-off, 0..1; every class gives R N / K."""


def run_unicon(
    data: BaselineData,
    config: UniconConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: OnEpoch | None = None,
) -> MethodResult:
    """Train two heads; the model is the sum of their logits.

    Raises:
        DataError: there are fewer than two weak or two strong views.
        JobError: a loss is not finite.
    """
    if data.views is None or len(data.views.strong) < MIN_VIEWS:
        raise DataError(
            f"unicon needs {MIN_VIEWS} strong views of every image or more; extract them with "
            "views.extract_views"
        )
    heads = make_heads(data, config, seed=seed, device=device)
    projections = [_Projection(head, config, seed=derive(seed, n)) for n, head in enumerate(heads)]
    curve = AccuracyCurve(data.test_labels, on_epoch)
    labels = torch.from_numpy(data.labels).to(device)
    for epoch in range(config.epochs):
        for head in heads:
            head.set_rate(config.learning_rate * _cosine(epoch / config.epochs))
        for head, peer, projection in zip(heads, heads[::-1], projections):
            if epoch < config.warmup_epochs:
                warm_up(head, labels, config)
            else:
                divergence = label_divergence(heads, data, labels, config)
                chosen = select_uniformly(divergence, data.labels, data.num_classes, config)
                train_epoch(head, peer, chosen, labels, config, epoch, projection)
        curve.add(heads[0].logits(data.test_features) + heads[1].logits(data.test_features))
    return curve.result(heads[0].logits(data.features) + heads[1].logits(data.features))


def label_divergence(
    heads: tuple[Head, Head], data: BaselineData, labels: Tensor, config: UniconConfig
) -> NDArray[np.float64]:
    """Return the divergence (N,) of both heads' mean prediction from the given label."""
    mean = sum(head.logits(data.features).softmax(dim=1) for head in heads) / 2
    one_hot = F.one_hot(labels, data.num_classes)
    unit = math.log(2) if config.divergence_unit == "bits" else 1.0
    found = losses.js_divergence(torch.as_tensor(mean).double(), one_hot.double()) / unit
    return np.asarray(found.cpu().numpy())


def select_uniformly(
    divergence: NDArray[np.float64],
    labels: NDArray[np.int64],
    num_classes: int,
    config: UniconConfig,
) -> Selection:
    """Believe, in every class, the same number of labels of lowest divergence.

    The number is the share R of samples below the cut-off, which is the mean divergence (or less,
    where that is high), times N / K, at least one; a smaller class gives all it has.
    """
    cutoff = divergence.mean()
    if cutoff > config.cutoff_ceiling:
        cutoff -= (cutoff - divergence.min()) / config.cutoff_divisor
    ratio = float(np.mean(divergence < cutoff))
    quota = max(1, math.floor(ratio * len(labels) / num_classes))
    order = np.lexsort((divergence, labels))
    sizes = np.bincount(labels, minlength=num_classes)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    clean = np.zeros(len(labels), bool)
    clean[order[place < quota]] = True
    weight = np.where(divergence < BELIEVED, 1.0, 1 - divergence).astype(np.float32)
    split = Split(np.flatnonzero(clean), np.flatnonzero(~clean), torch.from_numpy(weight))
    return Selection(split, ratio)


def train_epoch(
    head: Head,
    peer: Head,
    chosen: Selection,
    labels: Tensor,
    config: UniconConfig,
    epoch: int,
    projection: "_Projection",
) -> None:
    """Once through the clean samples; the rarer they are, the more noisy ones in each step."""
    split, noisy_size = chosen.split, int(config.batch_size / (2 * max(chosen.ratio, 1e-3)))
    for done, clean, noisy in paired_batches(head, split, config.batch_size, max(2, noisy_size)):
        seen = head.two_views(head.weak, clean)
        unseen = head.two_views(head.weak, noisy)
        given = F.one_hot(labels[clean], head.layer.out_features).float()
        weight = split.label_weight[clean].to(given.device)
        refined = co_refine(head, seen, given, weight, config.temperature)
        guessed = co_guess(head, peer, unseen, config.temperature)
        strong = head.two_views(head.strong, clean)
        changed = head.two_views(head.strong, noisy)
        ramp = losses.linear_ramp(epoch + done, config.warmup_epochs, config.ramp_epochs)
        loss = mix_match_loss(
            head,
            torch.cat([*strong, *changed]),
            torch.cat([refined, refined, guessed, guessed]),
            2 * len(clean),
            config,
            guess_weight=config.guess_weight * ramp,
        )
        head.step(loss + projection.loss(*changed))


class _Projection:
    """SimCLR's loss on a projection of the features, which the head's optimiser trains along."""

    def __init__(self, head: Head, config: UniconConfig, *, seed: int) -> None:
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Linear(head.layer.in_features, PROJECTION), nn.BatchNorm1d(PROJECTION)
            ).to(head.device)
        if config.contrastive_weight:
            head.optimizer.add_param_group({"params": list(self.layers.parameters())})

    def loss(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the weighted loss, a scalar; 0 where it is switched off or a sample is alone."""
        if not self.config.contrastive_weight or len(first) < MIN_VIEWS:
            return first.new_zeros(())
        contrast = losses.contrastive_loss(
            self.layers(first), self.layers(second), self.config.contrastive_temperature
        )
        return self.config.contrastive_weight * contrast.mean()


def _cosine(done: float) -> float:
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * done)) / 2
