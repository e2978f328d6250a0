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
    curve, notes = AccuracyCurve(data.test_labels, on_epoch), []
    labels = torch.from_numpy(data.labels).to(device)
    history: tuple[list[Floats], list[Floats]] = ([], [])
    for epoch in range(config.epochs):
        for head in heads:
            head.set_rate(config.learning_rate * (DECAY if 2 * epoch >= config.epochs else 1))
        if epoch < config.warmup_epochs:
            for head in heads:
                warm_up(head, labels, config)
        else:
            # Co-divide: both splits are made before either head trains, each for the other.
            splits = []
            for head, past in zip(heads, history):
                past.append(normalised_losses(head, data, labels))
                probability = clean_probability(np.mean(past[-config.loss_history :], axis=0))
                split, unusual = divide(probability, config.threshold)
                splits.append(split)
                if unusual:
                    notes.append(f"Epoch {epoch + 1}: {unusual}")
            for head, peer, split in zip(heads, heads[::-1], splits[::-1]):
                train_epoch(head, peer, split, labels, config, epoch)
        curve.add(heads[0].logits(data.test_features) + heads[1].logits(data.test_features))
    logits = heads[0].logits(data.features) + heads[1].logits(data.features)
    return curve.result(logits, tuple(notes))


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


def divide(probability: Floats, threshold: float) -> tuple[Split, str]:
    """Split at the threshold; where one side would be empty, at the median, with a sentence."""
    clean, unusual = probability > threshold, ""
    if clean.all() or not clean.any():
        clean = np.zeros(len(probability), bool)
        clean[np.argsort(-probability, kind="stable")[: (len(probability) + 1) // 2]] = True
        unusual = (
            f"no split at a clean probability of {threshold}; the more probable half of the "
            "labels was believed."
        )
    weight = torch.from_numpy(probability.astype(np.float32))
    return Split(np.flatnonzero(clean), np.flatnonzero(~clean), weight), unusual


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
