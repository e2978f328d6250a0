"""NMTune (Chen et al., ICLR 2024): tuning frozen features of a backbone that is itself noisy.

A backbone pre-trained on wrong labels has a feature space of the wrong shape, which hurts most on
data of another domain. A small network reshapes the features of the black box, held by three
terms. It does not look for wrong labels in the data at hand. B samples per batch, D dimensions.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from turn_core import losses
from turn_core.errors import JobError
from turn_core.linear_probe import CHUNK, Features, take_rows
from turn_core.methods.baseline import (
    AccuracyCurve,
    BaselineData,
    MethodResult,
    OnEpoch,
    check_labels,
)
from turn_core.methods.configs import NmTuneConfig
from turn_core.methods.two_heads import batches
from turn_core.seeds import derive
from turn_core.views import FeatureViews


class TunedFeatures(nn.Module):
    """z = s MLP(f) + f with a learnt scale s (D,), and a linear head on z."""

    def __init__(self, num_features: int, num_classes: int, hidden_ratio: int) -> None:
        super().__init__()
        hidden = hidden_ratio * num_features
        self.mlp = nn.Sequential(
            nn.Linear(num_features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, num_features),
        )
        self.scale = nn.Parameter(torch.ones(num_features))
        self.head = nn.Linear(num_features, num_classes)
        nn.init.kaiming_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return the tuned features (B, D)."""
        tuned: Tensor = self.scale * self.mlp(features) + features
        return tuned

    @torch.no_grad()
    def tune(self, features: Features) -> Tensor:
        """Return all features (N, D) tuned, in evaluation mode; float32 on the device."""
        self.eval()
        chunks = (
            np.arange(i, min(i + CHUNK, len(features))) for i in range(0, len(features), CHUNK)
        )
        return torch.cat([self(take_rows(features, rows).to(self.scale)) for rows in chunks])

    @torch.no_grad()
    def logits(self, features: Features) -> Tensor:
        """Return logits (N, K) of features (N, D) as the backbone gives them."""
        found: Tensor = self.head(self.tune(features))
        return found


def run_nmtune(
    data: BaselineData,
    config: NmTuneConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: OnEpoch | None = None,
) -> MethodResult:
    """Tune the features of `data`; with three weights of 0 this is the paper's MLP control.

    Raises:
        JobError: a prediction is not finite.
    """
    curve = AccuracyCurve(data.test_labels, on_epoch)
    model = fit_nmtune(
        data.features,
        data.labels,
        data.num_classes,
        config,
        seed=seed,
        device=device,
        views=data.views,
        on_model=lambda model: curve.add(model.logits(data.test_features)),
    )
    return curve.result(model.logits(data.features))


def fit_nmtune(  # noqa: PLR0913 - the paper's inputs, then keywords
    features: Features,
    labels: NDArray[np.int64],
    num_classes: int,
    config: NmTuneConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    views: FeatureViews | None = None,
    on_model: Callable[[TunedFeatures], None] = lambda model: None,
) -> TunedFeatures:
    """Train the network and its head on features (N, D) and labels (N,), 0..K-1.

    Each batch sees two weak views of its samples, or its features twice where there are fewer.
    `on_model` gets the model after every epoch.

    Raises:
        DataError: features and labels do not fit each other.
        JobError: a prediction is not finite.
    """
    check_labels("training", features, labels, num_classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "nmtune"))
        model = TunedFeatures(features.shape[1], num_classes, config.hidden_ratio).to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    rng = np.random.default_rng(derive(seed, "order"))
    kept = views.weak if views is not None and len(views.weak) > 1 else (features, features)
    steps = config.epochs * len(batches(np.arange(len(labels)), config.batch_size))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(config.epochs):
        model.train()
        for rows in batches(rng.permutation(len(labels)), config.batch_size):
            first, second = (
                take_rows(kept[i], rows).to(device) for i in rng.choice(len(kept), 2, replace=False)
            )
            given = torch.from_numpy(labels[rows]).to(device)
            optimizer.zero_grad()
            nmtune_loss(model, first, second, given, config).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        on_model(model)
    return model


def nmtune_loss(
    model: TunedFeatures, first: Tensor, second: Tensor, labels: Tensor, config: NmTuneConfig
) -> Tensor:
    """Return the loss, a scalar, of two views (B, D) of the same samples.

    Cross entropy of both, and: tuned features of the second view stay near the first as it was
    (consistency); dimensions do not repeat each other (covariance); few directions carry most
    (dominant singular values).

    Raises:
        JobError: a prediction is not finite.
    """
    tuned = model(torch.cat([first, second]))
    logits = model.head(tuned)
    if not bool(torch.isfinite(logits).all()):
        raise JobError(
            "NMTune's predictions are no longer numbers; check the features for NaN or infinity, "
            "or lower nmtune.learning_rate"
        )
    loss = losses.ce_loss(logits, labels.repeat(2)).mean()
    if config.consistency_weight:
        loss = loss + config.consistency_weight * losses.consistency_loss(
            tuned[len(first) :], first
        )
    if config.covariance_weight:
        loss = loss + config.covariance_weight * losses.covariance_loss(tuned)
    if config.singular_weight:
        loss = loss + config.singular_weight * losses.dominant_singular_loss(
            tuned, config.top_singular
        )
    return loss
