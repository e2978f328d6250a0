"""DivideMix (Li, Socher, Hoi, ICLR 2020) by linear probe on cached views.

Two heads. After a warm-up each epoch fits, per head, a mixture of two Gaussians to the losses of
all samples, and each head trains on the split of the other: believed labels on one side,
guessed ones on the other (co-divide), both mended by the heads' predictions (co-refine, co-guess)
and mixed (MixMatch). N samples, K classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn import functional as F

from turn_core import losses, mixture
from turn_core.methods.baseline import AccuracyCurve, BaselineData, MethodResult, OnEpoch
from turn_core.methods.configs import DivideMixConfig
from turn_core.methods.two_heads import (
    Head,
    Split,
    co_guess,
    co_refine,
    make_heads,
    mix_match_loss,
    paired_batches,
    warm_up,
)

Floats = NDArray[np.float64]

MAX_ITER, TOL, REG_COVAR = 10, 1e-2, 5e-4
"""Of the mixture, as in the authors' code."""
DECAY = 0.1
"""The learning rate is multiplied by this from half of the epochs on."""


def run_dividemix(
    data: BaselineData,
    config: DivideMixConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: OnEpoch | None = None,
) -> MethodResult:
    """Train two heads; the model is the sum of their logits.

    Raises:
        DataError: there are fewer than two weak views.
        JobError: a loss is not finite.
    """
    heads = make_heads(data, config, seed=seed, device=device)
    curve = AccuracyCurve(data.test_labels, on_epoch)
    labels = torch.from_numpy(data.labels).to(device)
    history: tuple[list[Floats], list[Floats]] = ([], [])
    halved: list[int] = []
    for epoch in range(config.epochs):
        for head in heads:
            head.set_rate(config.learning_rate * (DECAY if 2 * epoch >= config.epochs else 1))
        if epoch < config.warmup_epochs:
            for head in heads:
                warm_up(head, labels, config)
        else:
            first, second = co_divide(heads, history, data, labels, config)
            train_epoch(heads[0], heads[1], second, labels, config, epoch)
            train_epoch(heads[1], heads[0], first, labels, config, epoch)
            halved += [epoch + 1] * (first.halved or second.halved)
        curve.add(heads[0].logits(data.test_features) + heads[1].logits(data.test_features))
    logits = heads[0].logits(data.features) + heads[1].logits(data.features)
    return curve.result(logits, _notes(halved, config))


def co_divide(
    heads: tuple[Head, Head],
    history: tuple[list[Floats], list[Floats]],
    data: BaselineData,
    labels: Tensor,
    config: DivideMixConfig,
) -> tuple[Split, Split]:
    """Return each head's split of all samples, both made before either trains on the other's."""
    for head, past in zip(heads, history):
        past.append(normalised_losses(head, data, labels))
    means = [np.mean(past[-config.loss_history :], axis=0) for past in history]
    first, second = (divide(clean_probability(mean), config.threshold) for mean in means)
    return first, second


def normalised_losses(head: Head, data: BaselineData, labels: Tensor) -> Floats:
    """Return the cross entropy (N,) without augmentation, scaled to 0..1 over all samples."""
    found = losses.ce_loss(head.logits(data.features), labels).cpu().numpy().astype(np.float64)
    width = float(np.ptp(found))
    scaled: Floats = (found - found.min()) / (width or 1.0)
    return scaled


def clean_probability(values: Floats) -> Floats:
    """Return the posterior (N,) of the component of low loss, of one mixture for all samples.

    As it comes, not made monotone as in TURN: at very low loss a wide upper component may win.
    Equal values tell nothing: 1 for all.
    """
    if np.ptp(values) == 0:
        return np.ones(len(values))
    found = mixture.fit(
        np.sort(values),
        np.array([len(values)]),
        where=np.array([True]),
        max_iter=MAX_ITER,
        tol=TOL,
        reg_covar=REG_COVAR,
    )
    x = values[:, None]
    variance = found.variances[0]
    scores = (
        np.log(found.weights[0]) - ((x - found.means[0]) ** 2 / variance + np.log(variance)) / 2
    )
    return np.asarray(expit(scores[:, 0] - scores[:, 1]))


def divide(probability: Floats, threshold: float) -> Split:
    """Split at the threshold; where one side would be empty, at the median."""
    clean = probability > threshold
    halved = bool(clean.all() or not clean.any())
    if halved:
        clean = np.zeros(len(probability), bool)
        clean[np.argsort(-probability, kind="stable")[: (len(probability) + 1) // 2]] = True
    weight = torch.from_numpy(probability.astype(np.float32))
    return Split(np.flatnonzero(clean), np.flatnonzero(~clean), weight, halved=halved)


def train_epoch(
    head: Head, peer: Head, split: Split, labels: Tensor, config: DivideMixConfig, epoch: int
) -> None:
    """Once through the clean samples, with as many noisy ones in each step."""
    for done, clean, noisy in paired_batches(head, split, config.batch_size, config.batch_size):
        seen = head.two_views(head.weak, clean)
        unseen = head.two_views(head.weak, noisy)
        given = F.one_hot(labels[clean], head.layer.out_features).float()
        weight = split.label_weight[clean].to(given.device)
        refined = co_refine(head, seen, given, weight, config.temperature)
        guessed = co_guess(head, peer, unseen, config.temperature)
        ramp = losses.linear_ramp(epoch + done, config.warmup_epochs, config.ramp_epochs)
        loss = mix_match_loss(
            head,
            torch.cat([*seen, *unseen]),
            torch.cat([refined, refined, guessed, guessed]),
            2 * len(clean),
            config,
            guess_weight=config.guess_weight * ramp,
        )
        head.step(loss)


def _notes(halved: list[int], config: DivideMixConfig) -> tuple[str, ...]:
    if not halved:
        return ()
    return (
        f"In {len(halved)} of {config.epochs - config.warmup_epochs} epochs, first in epoch "
        f"{halved[0]}, the threshold of {config.threshold} left one side of a split empty; the "
        "more probable half was believed.",
    )
