"""Full fine-tuning, one epoch at a time. M chosen samples, B per step, K classes.

Order, augmentation and drop-path are functions of (seed, epoch, step), and the learning rate of the
share of all epochs that is done: a run stopped at any step goes on bit for bit from its weights and
optimiser state alone, on the same machine with the same number of threads.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turn_core import augment, losses
from turn_core.backbones.classifier import Classifier
from turn_core.backbones.precision import PrecisionChoice
from turn_core.config import FinetuneConfig
from turn_core.losses import SampleLoss
from turn_core.predictions import PixelSource, forward, read_ahead, to_device
from turn_core.seeds import derive


class NonFiniteLossError(ArithmeticError):
    """The loss or a gradient is NaN or infinite; `rows` are the samples of that step."""

    def __init__(self, rows: NDArray[np.int64]) -> None:
        super().__init__(f"the loss of {len(rows)} samples is not finite")
        self.rows = rows


@dataclass(slots=True)
class Position:
    """Where an epoch stands: steps done, samples seen, and the sum of their losses."""

    step: int = 0
    seen: int = 0
    loss_sum: float = 0.0

    @property
    def mean_loss(self) -> float:
        """Mean training loss of the samples seen so far; 0 before the first step."""
        return self.loss_sum / self.seen if self.seen else 0.0


@dataclass(frozen=True, slots=True)
class Share:
    """The pieces of each step that this process computes, of several that train one model together.

    `add_up` replaces tensors by their sums over all of them; each calls it equally often. Sums of
    other pieces have other last bits, and dropout draws otherwise: nothing else differs from one
    process. Batch norm would: it takes its statistics from a piece.
    """

    rank: int = 0
    size: int = 1
    add_up: Callable[[Sequence[Tensor]], None] = lambda tensors: None


ALONE = Share()
"""One process computes everything."""


def cross_entropy(logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
    """The loss of TURN's second step, as a `losses.SampleLoss`."""
    return losses.ce_loss(logits, labels)


class Finetuner:
    """Trains all weights of `model` under `loss`; the model stays in training mode."""

    def __init__(  # noqa: PLR0913 - the parts, then keywords
        self,
        model: Classifier,
        pixels: PixelSource,
        labels: NDArray[np.int64],
        config: FinetuneConfig,
        *,
        seed: int,
        precision: PrecisionChoice,
        learning_rate_scale: float = 1.0,
        loss: SampleLoss = cross_entropy,
        share: Share = ALONE,
    ) -> None:
        self.model, self.pixels, self.config, self.loss = model, pixels, config, loss
        self.share = share
        self.labels = torch.from_numpy(labels)
        self.seed, self.precision = seed, precision
        self.peak = config.learning_rate * learning_rate_scale
        self.device = next(model.parameters()).device
        self.optimizer = make_optimizer(model, config)
        self.optimizer.zero_grad(set_to_none=True)  # a step that diverged may have left gradients

    def run_epoch(
        self,
        subset: NDArray[np.int64],
        epoch: int,
        position: Position,
        on_step: Callable[[Position, int], None],
        *,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Train on the rest of epoch `epoch` (from 0), `position` being moved along.

        `on_step(position, steps)` is called after each step, `check` before each piece of one;
        both may raise to stop.

        Raises:
            NonFiniteLossError: before the weights are touched by it.
        """
        batches = epoch_batches(subset, self.config.batch_size, seed=self.seed, epoch=epoch)
        cuda = [self.device] if self.device.type == "cuda" else []
        self.model.train()
        left = read_ahead(self.pixels, batches[position.step :])
        with torch.random.fork_rng(devices=cuda), closing(left):
            for step, images in enumerate(left, start=position.step):
                done = (epoch + (step + 0.5) / len(batches)) / self.config.epochs
                seed = derive(self.seed, "step", epoch, step)
                loss = self._step(images, batches[step], self._rate(done), seed, check)
                position.step, position.loss_sum = step + 1, position.loss_sum + loss
                position.seen += len(batches[step])
                on_step(position, len(batches))

    def _rate(self, done: float) -> float:
        """The learning rate of the step at whose middle the share `done` of all epochs is done."""
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        warmup = self.config.lr_warmup
        return self.peak * cosine * (min(1.0, done / warmup) if warmup else 1.0)

    def _step(
        self,
        pixels: Tensor,
        rows: NDArray[np.int64],
        rate: float,
        seed: int,
        check: Callable[[], None],
    ) -> float:
        """One optimiser step on `rows`; returns the sum of their losses."""
        torch.manual_seed(seed)  # drop-path and dropout draw from the global generator
        images = to_device(pixels, self.device).float()
        images = augment.augment(images, self.config.augmentation, seed=seed)
        targets = to_device(self.labels[rows], self.device)
        total = 0.0
        starts = range(0, len(rows), self.config.micro_batch_size)
        for start in starts[self.share.rank :: self.share.size]:
            check()
            span = slice(start, start + self.config.micro_batch_size)
            total += self._accumulate(images[span], targets[span], rows[span], len(rows))
        if self.share.size > 1:
            total = self._add_up(total)
        parameters = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(parameters))
        if not math.isfinite(norm) or not math.isfinite(total):
            raise NonFiniteLossError(rows)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total

    def _accumulate(
        self, images: Tensor, targets: Tensor, rows: NDArray[np.int64], batch: int
    ) -> float:
        logits = forward(self.model, self.model.backbone.normalise(images), self.precision)
        loss = self.loss(logits, targets, torch.from_numpy(rows).to(self.device))
        bad = ~torch.isfinite(loss)
        if bool(bad.any()) and self.share.size == 1:  # else all must learn of it: by the sum
            raise NonFiniteLossError(rows[bad.cpu().numpy()])
        (loss.sum() / batch).backward()  # type: ignore[no-untyped-call]
        return float(loss.detach().sum())

    def _add_up(self, total: float) -> float:
        """Add up gradients and loss over all processes; one may have had no piece of this step."""
        parameters = list(self.model.parameters())
        told = [float(p.grad is not None) for p in parameters]
        counts = torch.tensor([*told, total], dtype=torch.float64)
        self.share.add_up([counts])
        for parameter, count in zip(parameters, counts):
            if count > 0 and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.share.add_up([p.grad for p in parameters if p.grad is not None])
        return float(counts[-1])


def epoch_batches(
    subset: NDArray[np.int64], batch_size: int, *, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Return `subset` shuffled by (seed, epoch), in nearly equal pieces of at most `batch_size`.

    Equal pieces rather than a small rest: batch norm cannot train on a rest of one.
    """
    generator = np.random.default_rng(derive(seed, "order", epoch))
    order = generator.permutation(np.sort(subset))
    return np.array_split(order, max(1, math.ceil(len(order) / batch_size)))


def make_optimizer(model: torch.nn.Module, config: FinetuneConfig) -> torch.optim.Optimizer:
    """Return the fused optimiser of `config`; vectors (biases, norms) are not decayed."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=config.learning_rate, momentum=config.momentum, fused=True
        )
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
