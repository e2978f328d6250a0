"""Per-sample losses. B samples, K classes; logits are (B, K), labels are (B,) int64."""

import torch
from torch import Tensor
from torch.nn import functional as F


def _log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return F.log_softmax(logits, dim=1).gather(1, labels[:, None]).squeeze(1)  # (B,)


def ce_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy: -log p, p = P(given label). Returns (B,), 0 or more; the caller reduces."""
    return -_log_probability(logits, labels)


def gce_loss(logits: Tensor, labels: Tensor, q: float = 0.7) -> Tensor:
    """Generalized cross entropy (Zhang & Sabuncu, 2018): (1 - p**q) / q, p = P(given label).

    q -> 0 is cross entropy, q = 1 is 1 - p. Returns (B,), from 0 to 1 / q; the caller reduces.
    """
    log_p = _log_probability(logits, labels)
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
