"""Losses, pure functions. B samples, K classes; logits are (B, K), labels are (B,) int64.

Per sample unless said; the caller reduces. `targets` (B, K) are rows of probabilities.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

SampleLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A loss (B,) from logits (B, K), labels (B,) and the numbers (B,) of the samples, by autograd."""

ELR_CLAMP = 1e-4
"""ELR keeps probabilities this far from 0 and 1."""


def _log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return F.log_softmax(logits, dim=1).gather(1, labels[:, None]).squeeze(1)  # (B,)


def ce_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy: -log p, p = P(given label). Returns (B,), 0 or more; the caller reduces."""
    return -_log_probability(logits, labels)


def gce_loss(logits: Tensor, labels: Tensor, q: float = 0.7) -> Tensor:
    """Generalized cross entropy (Zhang & Sabuncu, 2018): (1 - p**q) / q, p = P(given label).

    q -> 0 is cross entropy, q = 1 is 1 - p. Returns (B,), from 0 to 1 / q; the caller reduces.
    """
    return _gce(_log_probability(logits, labels), q)


def truncated_gce_loss(logits: Tensor, labels: Tensor, q: float = 0.7, k: float = 0.5) -> Tensor:
    """GCE that stays at its value for p = k where p <= k (same paper, section 3.3). Returns (B,).

    Such a sample pulls at nothing: its label is given up. k in (0, 1).
    """
    return _gce(_log_probability(logits, labels).clamp(min=math.log(k)), q)


def _gce(log_p: Tensor, q: float) -> Tensor:
    return -log_p if q == 0 else -torch.expm1(q * log_p) / q


def gce_loss_and_gradient(logits: Tensor, labels: Tensor, q: float = 0.7) -> tuple[Tensor, Tensor]:
    """GCE and its derivative by the logits, p**q (softmax - onehot), without autograd.

    q = 0 gives cross entropy and its gradient. Needs no clamp: where p underflows, the gradient
    is its limit 0. Returns the loss (B,) and the gradient (B, K) of each sample's own loss.
    """
    log_probs = F.log_softmax(logits, dim=1)
    index = labels[:, None]
    log_p = log_probs.gather(1, index)  # (B, 1)
    gradient = log_probs.exp_()
    gradient.scatter_add_(1, index, torch.full_like(log_p, -1.0))
    if q == 0:
        return -log_p.squeeze(1), gradient
    shortfall = torch.expm1(q * log_p)  # p**q - 1
    return shortfall.squeeze(1) / -q, gradient.mul_(shortfall + 1)


def forward_gce_loss(
    logits: Tensor, labels: Tensor, log_transition: Tensor, q: float = 0.7
) -> Tensor:
    """GCE of the *given* labels under noise: (1 - f**q) / q, f = sum over c of p_c T[c, given].

    `log_transition` is log T (K, K), T[c, y] = P(given = y | true = c). With q = 0 the forward
    correction of Patrini et al. (2017). Returns (B,), from 0 to 1 / q.
    """
    return _gce(torch.logsumexp(_joint(logits, labels, log_transition), dim=1), q)


def weighted_ce_loss(logits: Tensor, labels: Tensor, log_weights: Tensor) -> Tensor:
    """-log of p_y / (p_y + sum over c != y of p_c V[c, y]), y the given label. Returns (B,).

    `log_weights` is log V (K, K), 0 on the diagonal. Cross entropy where V is 1 throughout.
    """
    joint = _joint(logits, labels, log_weights)
    return torch.logsumexp(joint, dim=1) - _log_probability(logits, labels)


def _joint(logits: Tensor, labels: Tensor, log_weights: Tensor) -> Tensor:
    return F.log_softmax(logits, dim=1) + log_weights[:, labels].T


def elr_target(target_ema: Tensor, logits: Tensor, beta: float) -> Tensor:
    """Move running targets (B, K) towards the predictions: beta t + (1 - beta) p / sum(p).

    p is clamped first (ELR_CLAMP). No gradient. From zero, a target holds 1 - beta^n of mass after
    n visits (Liu et al., 2020: "Early-Learning Regularization").
    """
    probs = logits.detach().softmax(dim=1).clamp(ELR_CLAMP, 1 - ELR_CLAMP)
    return beta * target_ema + (1 - beta) * probs / probs.sum(dim=1, keepdim=True)


def elr_loss(logits: Tensor, labels: Tensor, targets: Tensor, weight: float) -> Tensor:
    """ELR: cross entropy + weight log(1 - <target, p>), p clamped (same paper).

    `targets` are those of `elr_target`, moved by this very batch. Returns (B,), down to
    weight log(ELR_CLAMP): a negative loss is usual.
    """
    probs = logits.softmax(dim=1).clamp(ELR_CLAMP, 1 - ELR_CLAMP)
    agreement = (targets * probs).sum(dim=1)
    return ce_loss(logits, labels) + weight * torch.log1p(-agreement)


def sharpen(probs: Tensor, temperature: float) -> Tensor:
    """Return p^(1 / T) / sum p^(1 / T), rows (B, K) (MixMatch, DivideMix)."""
    powers = probs.clamp(min=torch.finfo(probs.dtype).tiny) ** (1 / temperature)
    return powers / powers.sum(dim=1, keepdim=True)


def mixup(values: Tensor, order: Tensor, share: float) -> Tensor:
    """Return share values + (1 - share) values[order], for inputs and targets alike (B, ...)."""
    return torch.lerp(values[order], values, share)


def linear_ramp(epoch: float, start: float, length: float) -> float:
    """Return (epoch - start) / length within 0..1: the rise of MixMatch's weight of guesses."""
    return min(1.0, max(0.0, (epoch - start) / length)) if length else float(epoch >= start)


def soft_ce_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy against rows of probabilities: -sum t log p. Returns (B,)."""
    return -(targets * F.log_softmax(logits, dim=1)).sum(dim=1)


def squared_error(logits: Tensor, targets: Tensor) -> Tensor:
    """MixMatch's loss of guessed labels: mean over classes of (p - t)^2. Returns (B,), 0..2 / K."""
    return (logits.softmax(dim=1) - targets).square().mean(dim=1)


def uniform_prior_loss(logits: Tensor) -> Tensor:
    """KL(uniform || mean of the batch's p), a scalar: 0 where all classes are equally predicted.

    DivideMix has it against collapse onto few classes. Finite for any logits.
    """
    log_p = F.log_softmax(logits, dim=1)
    size, num_classes = logits.shape
    log_mean = torch.logsumexp(log_p, dim=0) - math.log(size)
    return -math.log(num_classes) - log_mean.mean()


def negative_entropy(logits: Tensor) -> Tensor:
    """Sum p log p, (B,), from -log K to 0: DivideMix's penalty on confidence in warm-up."""
    log_p = F.log_softmax(logits, dim=1)
    return (log_p.exp() * log_p).sum(dim=1)


def js_divergence(probs: Tensor, targets: Tensor) -> Tensor:
    """Jensen-Shannon divergence KL(p || m) / 2 + KL(t || m) / 2, m = (p + t) / 2, in nats.

    Returns (B,), 0 to log 2. Against a one-hot label it is a falling function of the label's
    probability alone (UNICON).
    """
    middle = (probs + targets) / 2

    def divergence(rows: Tensor) -> Tensor:
        return (torch.xlogy(rows, rows) - torch.xlogy(rows, middle)).sum(dim=1)

    return (divergence(probs) + divergence(targets)) / 2


def contrastive_loss(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """SimCLR's loss of two views (B, P) of the same samples, as UNICON uses it. Returns (2 B,).

    Each view must pick its partner out of all 2 B - 1 others by cosine over temperature.
    """
    views = F.normalize(torch.cat([first, second]), dim=1)
    similarity = views @ views.T / temperature
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    partner = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(similarity.masked_fill(itself, -torch.inf), partner, reduction="none")


def consistency_loss(tuned: Tensor, original: Tensor) -> Tensor:
    """Mean square difference of unit vectors (B, D), a scalar: NMTune holds tuned features to it.

    No gradient flows into `original`. Between 0 and 4 / D.
    """
    return F.mse_loss(F.normalize(tuned, dim=1), F.normalize(original.detach(), dim=1))


def covariance_loss(features: Tensor) -> Tensor:
    """Squared covariances between dimensions of (B, D), summed and divided by D, a scalar.

    NMTune takes it from VICReg: 0 where no two dimensions go together. Needs B of 2 or more.
    """
    centred = features - features.mean(dim=0)
    covariance = centred.T @ centred / (len(features) - 1)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return off_diagonal / features.shape[1]


def dominant_singular_loss(features: Tensor, top: int) -> Tensor:
    """Minus the mean share of the `top` largest singular values of (B, D) in their sum, a scalar.

    NMTune's third term: falls as few directions carry the features. -1 / top at the least.
    """
    values: Tensor = torch.linalg.svdvals(features)  # descending
    return -values[:top].mean() / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
