"""Two linear heads that teach each other on cached views: what DivideMix and UNICON share.

Each head has its own start, order of samples and views: alike, they would agree in their errors.
N samples, B per batch, K classes, D feature dimensions; rows are numbers of samples.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from turn_core import losses
from turn_core.errors import DataError, JobError
from turn_core.linear_probe import CHUNK, Features, standardization, take_rows
from turn_core.methods.baseline import BaselineData
from turn_core.methods.configs import TwoHeads
from turn_core.seeds import derive

Rows = NDArray[np.int64]
MIN_VIEWS = 2
"""Views of a kind that a head needs: one to learn from and one to be compared with."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which labels a head may believe in an epoch, and how far."""

    clean: Rows
    """Samples whose label counts."""
    noisy: Rows
    """Samples whose label is guessed."""
    label_weight: Tensor
    """(N,) 0..1: share of the given label in the refined one; read for clean samples."""
    halved: bool = False
    """Whether it was made at the median, for want of another."""


class Head:
    """One of the two heads with its optimiser, its views and its source of chance."""

    def __init__(
        self,
        data: BaselineData,
        config: TwoHeads,
        number: int,
        *,
        seed: int,
        device: torch.device | str,
    ) -> None:
        if data.views is None or len(data.views.weak) < MIN_VIEWS:
            raise DataError(
                f"this method needs {MIN_VIEWS} weak views of every image or more; extract them "
                "with views.extract_views"
            )
        self.weak, self.strong = (_share(views, number) for views in _kinds(data))
        self.device = torch.device(device)
        self.rng = np.random.default_rng(derive(seed, "head", number))
        mean, scale = standardization(data.features, np.arange(len(data.labels)), enabled=True)
        self._mean, self._scale = mean.float(), scale.float()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "start", number))
            self.layer = nn.Linear(data.features.shape[1], data.num_classes).to(self.device)
        self.optimizer = torch.optim.SGD(
            self.layer.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )

    def inputs(self, features: Features, rows: Rows) -> Tensor:
        """Return standardised features (B, D) on the device."""
        return ((take_rows(features, rows).cpu() - self._mean) * self._scale).to(self.device)

    def a_view(self, rows: Rows) -> Tensor:
        """Return one weak view (B, D), drawn from this head's own."""
        return self.inputs(self.weak[self.rng.integers(len(self.weak))], rows)

    def two_views(self, views: tuple[Features, ...], rows: Rows) -> tuple[Tensor, Tensor]:
        """Return two different views (B, D) of the same samples, drawn from this head's own."""
        first, second = self.rng.choice(len(views), 2, replace=False)
        return self.inputs(views[first], rows), self.inputs(views[second], rows)

    @torch.no_grad()
    def logits(self, features: Features) -> Tensor:
        """Return (N, K) logits of plain features (N, D)."""
        size = len(features)
        chunks = (np.arange(i, min(i + CHUNK, size)) for i in range(0, size, CHUNK))
        return torch.cat([self.layer(self.inputs(features, rows)) for rows in chunks])

    @torch.no_grad()
    def probs(self, inputs: Tensor) -> Tensor:
        """Return (B, K) probabilities of standardised features."""
        found: Tensor = self.layer(inputs).softmax(dim=1)
        return found

    def step(self, loss: Tensor) -> None:
        """One step of the optimiser down `loss`.

        Raises:
            JobError: the loss is not finite.
        """
        value = float(loss.detach())
        if not math.isfinite(value):
            raise JobError(
                f"the loss of a head is {value}; check the features for NaN or infinity, or "
                "lower the learning rate"
            )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def set_rate(self, rate: float) -> None:
        """Use the learning rate `rate` from now on."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate


def make_heads(
    data: BaselineData, config: TwoHeads, *, seed: int, device: torch.device | str
) -> tuple[Head, Head]:
    """Return the two heads, untrained.

    Raises:
        DataError: there are too few views.
    """
    first, second = (Head(data, config, number, seed=seed, device=device) for number in (0, 1))
    return first, second


def warm_up(head: Head, labels: Tensor, config: TwoHeads) -> None:
    """One epoch of cross entropy on all samples, of one weak view each."""
    for rows in batches(head.rng.permutation(len(labels)), 2 * config.batch_size):
        logits = head.layer(head.a_view(rows))
        loss = losses.ce_loss(logits, labels[rows]).mean()
        if config.confidence_penalty:
            loss = loss + losses.negative_entropy(logits).mean()
        head.step(loss)


def co_refine(
    head: Head, views: tuple[Tensor, Tensor], given: Tensor, weight: Tensor, temperature: float
) -> Tensor:
    """Labels (B, K) of clean samples: the given one-hot ones, mixed with the head's prediction."""
    predicted = (head.probs(views[0]) + head.probs(views[1])) / 2
    return losses.sharpen(torch.lerp(predicted, given, weight[:, None]), temperature)


def co_guess(head: Head, peer: Head, views: tuple[Tensor, Tensor], temperature: float) -> Tensor:
    """Labels (B, K) of noisy samples: the mean prediction of both heads on both views."""
    predicted = sum(one.probs(view) for one in (head, peer) for view in views)
    return losses.sharpen(torch.as_tensor(predicted) / 4, temperature)


def mix_match_loss(
    head: Head,
    inputs: Tensor,
    targets: Tensor,
    num_clean: int,
    config: TwoHeads,
    *,
    guess_weight: float,
) -> Tensor:
    """MixMatch's loss, a scalar, of rows of which the first `num_clean` have believed labels.

    All rows are mixed with each other by one share per batch, the larger part staying the row's.
    """
    share = float(head.rng.beta(config.alpha, config.alpha))
    share = max(share, 1 - share)
    order = torch.from_numpy(head.rng.permutation(len(inputs))).to(inputs.device)
    mixed = losses.mixup(targets, order, share)
    logits = head.layer(losses.mixup(inputs, order, share))
    believed = losses.soft_ce_loss(logits[:num_clean], mixed[:num_clean]).mean()
    guessed = losses.squared_error(logits[num_clean:], mixed[num_clean:]).mean()
    return believed + guess_weight * guessed + losses.uniform_prior_loss(logits)


def batches(rows: Rows, size: int) -> list[Rows]:
    """Return the rows in nearly equal pieces of at most `size`."""
    return np.array_split(rows, max(1, math.ceil(len(rows) / size)))


def paired_batches(
    head: Head, split: Split, clean_size: int, noisy_size: int
) -> Iterator[tuple[float, Rows, Rows]]:
    """Go once through the clean samples, with noisy ones beside, which start again as they end.

    Yields the share of the epoch that is done, and the rows of both.
    """
    pairs = batches(head.rng.permutation(split.clean), clean_size)
    waiting = np.empty(0, np.int64)
    size = min(noisy_size, len(split.noisy))
    for step, rows in enumerate(pairs):
        if len(waiting) < size:
            waiting = head.rng.permutation(split.noisy)
        yield step / len(pairs), rows, waiting[:size]
        waiting = waiting[size:]


def _kinds(data: BaselineData) -> tuple[tuple[Features, ...], tuple[Features, ...]]:
    return (data.views.weak, data.views.strong) if data.views else ((), ())


def _share(views: tuple[Features, ...], number: int) -> tuple[Features, ...]:
    """Return every second view, or all where that leaves a head too few."""
    own = views[number::2]
    return own if len(own) >= MIN_VIEWS else views
