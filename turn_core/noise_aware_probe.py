"""A linear probe that learns which classes are given in place of which: the step 1 of turn-plus.

TURN's probe takes every other class as equally likely where a label is wrong. This one estimates
the noise transition matrix T[c, y] = P(given = y | true = c) along with its head, by EM, and both
learns and judges labels by it. N samples, D feature dimensions, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from turn_core import losses
from turn_core.config import ProbeConfig
from turn_core.linear_probe import Features, LinearProbe, fit_linear_probe, num_epochs, take_rows

WARMUP_SHARE = 0.1
"""Share of the epochs under plain GCE: only then does a prediction say anything about a label."""
WARMUP_STEPS = 100
"""Of those at least so many steps, but at most half of the epochs."""
FIRST_STEPS = 30
"""Steps of EM from the uniform start, after warm-up; each later epoch adds one."""
FIRST_NOISE = 0.5
"""Noise rate of that start; EM forgets it."""
PRIOR_SAMPLES = 2.0
"""Every row of T counts as many samples of uniform noise: an entry is never 0."""
MIN_RATE = 1e-4
"""Noise rate of that prior, at least, and at most 1 less it."""
MAX_WEIGHT = 10.0
"""A sample of a rare class counts at most so many times the mean."""
CHUNK = 8192
"""Features put through the head at a time."""


@dataclass(frozen=True, slots=True)
class NoiseAwareProbe:
    """The head of step 1, and what it takes to judge a label by it."""

    head: LinearProbe
    transition: Tensor
    """(K, K) T as estimated, fp64; rows sum to 1."""
    alternatives: Tensor
    """(K, K) fp32: log of how much class c counts against a given label y; 0 on the diagonal."""


def fit_noise_aware_probe(  # noqa: PLR0913 - those of a probe
    features: Features,
    labels: NDArray[np.integer],
    num_classes: int,
    config: ProbeConfig,
    *,
    seed: int,
    mask: NDArray[np.bool_] | None = None,
    trusted: NDArray[np.bool_] | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    on_epoch: Callable[[int, float], None] | None = None,
) -> NoiseAwareProbe:
    """Train a head (D) -> (K) as `fit_linear_probe` does, and estimate T on the way.

    Every class has the same weight in all. The first epochs (`warmup_epochs`) run under GCE. From
    then on the loss is that of the *given* label under T (forward correction; Patrini et al.,
    2017), still in GCE's bounded form, and every epoch ends with a step of EM for T. Labels of
    `trusted` (N,) count as right.

    Raises:
        DataError: the shapes disagree, a label is out of range, or nothing is left to train on.
        JobError: the loss is not finite.
    """
    trust = np.zeros(len(labels), np.bool_) if trusted is None else trusted
    trained = np.ones(len(labels), np.bool_) if mask is None else mask
    objective = _Objective(features, labels, num_classes, config, trained, trust, device)
    head = fit_linear_probe(
        features,
        labels,
        num_classes,
        config,
        seed=seed,
        mask=mask,
        device=device,
        dtype=dtype,
        loss=objective,
        on_epoch=on_epoch,
        on_head=objective.on_head,
    )
    return NoiseAwareProbe(head, objective.transition, objective.alternatives())


def warmup_epochs(config: ProbeConfig, num_samples: int) -> int:
    """Return the epochs under plain GCE of a probe on so many samples."""
    epochs = num_epochs(config, num_samples)
    steps = -(-WARMUP_STEPS * config.batch_size // max(num_samples, 1))
    return max(1, min(max(round(WARMUP_SHARE * epochs), steps), epochs // 2))


def _class_weights(labels: NDArray[np.integer], num_classes: int, config: ProbeConfig) -> Tensor:
    """Return (K,) weights of samples, mean 1: classes count alike, but for MAX_WEIGHT.

    All 1 where the classes are drawn alike already.
    """
    if config.class_balanced:
        return torch.ones(num_classes)
    counts = np.bincount(labels, minlength=num_classes)
    weights = np.minimum(counts.sum() / (num_classes * np.maximum(counts, 1)), MAX_WEIGHT)
    return torch.from_numpy(weights).float()


class _Objective:
    """The loss, and T in it, moved by EM: a true class's posterior says what a label adds to T."""

    def __init__(
        self,
        features: Features,
        labels: NDArray[np.integer],
        num_classes: int,
        config: ProbeConfig,
        trained: NDArray[np.bool_],
        trusted: NDArray[np.bool_],
        device: torch.device | str,
    ) -> None:
        self._features, self._config = features, config
        self._rows = np.flatnonzero(trained & ~trusted)
        self._warmup = warmup_epochs(config, int(trained.sum()))
        self._labels = torch.as_tensor(labels.astype(np.int64), device=device)
        self._sure = torch.as_tensor(trusted, device=device) if trusted.any() else None
        self._weights = _class_weights(labels[trained], num_classes, config).to(device)
        self.transition = _uniform(num_classes, FIRST_NOISE, device)
        self._predicted = torch.zeros_like(self.transition)
        self._log_transition: Tensor | None = None

    def __call__(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """Return the loss (B,): GCE, after warm-up of the given label unless it is trusted."""
        q, log_transition, sure = self._config.q, self._log_transition, self._sure
        if log_transition is None:
            values = losses.gce_loss(logits, labels, q)
        else:
            values = losses.forward_gce_loss(logits, labels, log_transition, q)
            if sure is not None:
                values = torch.where(sure[rows], losses.gce_loss(logits, labels, q), values)
        return values * self._weights[labels]

    def on_head(self, epoch: int, head: LinearProbe) -> None:
        """Move T by the predictions after an epoch, far the first time."""
        if epoch >= self._warmup:
            for _ in range(1 if self._log_transition is not None else FIRST_STEPS):
                self._step(head)
            self._log_transition = self.transition.log().float()

    def alternatives(self) -> Tensor:
        """Return log(T[c, y] / T[y, y]) less one number for all, and 0 on the diagonal.

        That number keeps the predicted probability of all other classes, summed over samples, as
        it is: where noise is uniform `losses.weighted_ce_loss` is cross entropy, and elsewhere on
        its scale, which the cleansing was made for.
        """
        odds = self.transition / self.transition.diagonal()
        others = self._predicted.clone().fill_diagonal_(0)
        total = others.sum()
        scale = (others * odds).sum() / total if total > 0 else torch.ones_like(total)
        return (odds / scale).log().fill_diagonal_(0).float()

    def _step(self, head: LinearProbe) -> None:
        counts, predicted = torch.zeros_like(self.transition), torch.zeros_like(self.transition)
        log_transition = self.transition.log()
        for part in np.split(self._rows, range(CHUNK, len(self._rows), CHUNK)):
            given = self._labels[torch.as_tensor(part, device=self._labels.device)]
            log_p = head.logits(take_rows(self._features, part)).log_softmax(dim=1).double()
            one_hot = F.one_hot(given, len(counts)).double()
            counts += (log_p + log_transition[:, given].T).softmax(dim=1).T @ one_hot
            predicted += log_p.exp().T @ one_hot
        self.transition, self._predicted = _with_prior(counts), predicted


def _with_prior(counts: Tensor) -> Tensor:
    """Return rows of probabilities from counts (K, K), with PRIOR_SAMPLES of uniform noise each."""
    total = counts.sum()
    rate = float(1 - counts.trace() / total) if total > 0 else 0.0
    noise = min(max(rate, MIN_RATE), 1 - MIN_RATE)
    counts = counts + PRIOR_SAMPLES * _uniform(len(counts), noise, counts.device)
    return counts / counts.sum(dim=1, keepdim=True)


def _uniform(num_classes: int, rate: float, device: torch.device | str) -> Tensor:
    """Return (K, K) fp64: 1 - rate on the diagonal, the rest spread evenly over each row."""
    even = torch.full(
        (num_classes, num_classes),
        rate / max(num_classes - 1, 1),
        dtype=torch.float64,
        device=device,
    )
    return even.fill_diagonal_(1 - rate)
