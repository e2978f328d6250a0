"""What an exploration trains at one noise level: a linear probe, FFT by cross entropy, TURN.

T samples to train on, C classes, D feature dimensions. All three see the same noised labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.loading import Backbone
from turn_core.backbones.registry import BackboneSpec
from turn_core.config import TurnConfig
from turn_core.errors import JobError
from turn_core.explore_config import ExploreConfig
from turn_core.linear_probe import Features, LinearProbe, fit_linear_probe
from turn_core.methods.progress import CurvePoint, OnEvent, StageProgress
from turn_core.methods.records import TurnData
from turn_core.methods.training import Training
from turn_core.methods.turn import run_turn
from turn_core.noise import NoisyLabels
from turn_core.predictions import PixelSource
from turn_core.presets import preset_for
from turn_core.seeds import derive

Check = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One noise level: what is trained on, and where a run of it keeps its checkpoints."""

    noisy: NoisyLabels
    num_classes: int
    trusted: NDArray[np.bool_]
    pixels: PixelSource
    """The T images."""
    names: Sequence[str]
    """(T,) what an error message calls a sample."""
    config: TurnConfig
    device: torch.device
    folder: Path


def turn_config(config: ExploreConfig, spec: BackboneSpec, precision: str) -> TurnConfig:
    """Return the backbone's preset with the epochs, batch size and seed of the exploration.

    Nothing is held out within it: the points of the exploration are.
    """
    preset = preset_for(spec.preset, backbone=spec.name, seed=config.seed)
    size = config.batch_size
    finetune = replace(
        preset.finetune,
        epochs=config.epochs,
        batch_size=size,
        micro_batch_size=min(size, preset.finetune.micro_batch_size),
        precision="bf16" if precision == "bf16" else "fp32",
    )
    return replace(preset, finetune=finetune, holdout_fraction=0.0)


def fit_probe(features: Features, level: Level, *, check: Check) -> LinearProbe:
    """A linear probe by cross entropy on frozen features (T, D) and the noised labels.

    By CE, as FFT: what differs between the two lines is then the fine-tuning alone.
    """
    return fit_linear_probe(
        features,
        level.noisy.labels,
        level.num_classes,
        replace(level.config.probe, loss="ce"),
        seed=derive(level.config.seed, "explore", "probe"),
        device=level.device,
        on_epoch=lambda epoch, loss: check(),
    )


def finetune(
    backbone: Backbone, level: Level, *, stage: str, on_event: OnEvent, check: Check
) -> Classifier:
    """All weights by cross entropy on the noised labels, from a new head: FFT as it is.

    A run that was killed goes on from its checkpoint and ends with the same weights.

    Raises:
        JobError: training diverged twice.
        ResourceError: the disk has no room for a checkpoint.
    """
    training = Training(level.config, level.device, level.folder)
    model = Classifier(backbone, _new_head(backbone, level)).to(level.device)
    training.attach(model, level.pixels, level.noisy.labels)
    if training.checkpoints.newest_anchor() is None:
        training.save(anchor=True)  # where a diverged run starts again
    epochs, everything = level.config.finetune.epochs, np.arange(len(level.names))
    while (epoch := training.state.epoch) < epochs:

        def on_progress(done: int, total: int, epoch: int = epoch) -> None:
            check()
            on_event(StageProgress(stage, epoch * total + done, epochs * total))

        loss = training.run_epoch(everything, level.names, on_progress, check)
        on_event(CurvePoint(f"{stage}: loss", epoch + 1, loss))
    return model.eval()


def turn(
    backbone: Backbone,
    features: Features,
    level: Level,
    *,
    stage: str,
    on_event: OnEvent,
    check: Check,
) -> Classifier:
    """TURN on the same labels; `features` (T, D) are the frozen ones.

    A class that the noise left without any label gets no part and is never the top class.

    Raises:
        DataError: the noise left fewer than two classes.
        JobError: training diverged twice.
        ResourceError: the disk has no room for a checkpoint.
    """
    present, data = _turn_data(features, level)

    def forward(event: StageProgress | CurvePoint) -> None:
        if isinstance(event, StageProgress):
            on_event(StageProgress(stage, event.step, event.total))

    result = run_turn(
        data,
        level.config,
        backbone=backbone,
        device=level.device,
        checkpoint_dir=level.folder,
        on_event=forward,
        check=check,
    )
    if result.model is None:
        raise JobError("TURN returned no model: an exploration needs images")
    return _with_all_classes(result.model, present, level.num_classes).eval()


def accuracy(logits: torch.Tensor, best: NDArray[np.int64]) -> float | None:
    """Share of points whose top class is their best known label (M,), -1 left out."""
    known = best >= 0
    if not known.any():
        return None
    top = logits.argmax(dim=1).cpu().numpy()
    return float((top[known] == best[known]).mean())


@torch.inference_mode()
def head_logits(model: Classifier, features: NDArray[np.float32]) -> torch.Tensor:
    """Logits (M, C) of features (M, D) of this very model: no second pass over the images."""
    device = model.head.weight.device
    logits: torch.Tensor = model.head(torch.from_numpy(np.array(features)).to(device))
    return logits


def _turn_data(features: Features, level: Level) -> tuple[NDArray[np.int64], TurnData]:
    """Return the classes that have a label, and the data with labels numbered among them."""
    present, labels = np.unique(level.noisy.labels, return_inverse=True)
    data = TurnData(
        labels=labels.astype(np.int64),
        num_classes=len(present),
        trusted=level.trusted,
        excluded=np.zeros(len(labels), np.bool_),
        names=level.names,
        image_keys=level.names,
        pixels=level.pixels,
        features=features,
    )
    return present, data


def _new_head(backbone: Backbone, level: Level) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(level.config.seed, "explore", "head"))
        return nn.Linear(backbone.feature_dim, level.num_classes)


def _with_all_classes(model: Classifier, present: NDArray[np.int64], num: int) -> Classifier:
    """Widen the head to all C classes; those that are not `present` are never the top class."""
    if len(present) == num:
        return model
    head = nn.Linear(model.head.in_features, num).to(model.head.weight.device)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(torch.finfo(torch.float32).min)
        head.weight[present] = model.head.weight
        head.bias[present] = model.head.bias
    return Classifier(model.backbone, head)
