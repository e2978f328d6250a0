"""One method with one seed on the samples of a comparison, and what it measures.

T samples to train on, M to measure on (held out, or of another domain), C classes, D feature
dimensions. All methods get the same labels, and none is told which of them a person confirmed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.loading import Backbone
from turn_core.backbones.precision import PrecisionChoice
from turn_core.compare_config import METHODS, CompareConfig
from turn_core.config import TurnConfig
from turn_core.distortion import largest_singular_value_ratio, singular_value_entropy
from turn_core.errors import DataError
from turn_core.experiments.compare_data import Chosen, Split
from turn_core.linear_probe import Features
from turn_core.methods import baselines, own_settings, run_fft, short_budget, tuner_settings
from turn_core.methods.baseline import AccuracyCurve, BaselineData, ImageData, MethodResult
from turn_core.methods.configs import CeConfig, ElrConfig, GceConfig, NmTuneConfig
from turn_core.methods.nmtune import fit_nmtune
from turn_core.methods.progress import CurvePoint, StageProgress
from turn_core.methods.records import TurnData
from turn_core.methods.turn import run_turn
from turn_core.predictions import PixelRows, PixelSource
from turn_core.presets import preset_for
from turn_core.seeds import derive
from turn_core.types.comparing import Cell
from turn_core.views import FeatureViews

OnStep = Callable[[int, int], None]
"""Called with (done, total) as a cell goes on; may raise to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What methods that train a backbone need; features brought as a file have none of it."""

    pixels: PixelSource
    """(N) images."""
    load: Callable[[], Backbone]
    """Gives the backbone anew, on the CPU."""
    precision: PrecisionChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the cells share: features and views of the N chosen samples, computed once."""

    chosen: Chosen
    image_keys: Sequence[str]
    """(N,) equal for copies of one image."""
    features: Features
    """(N, D)."""
    views: FeatureViews | None
    """Each (N, D); None where no method needs them."""
    images: Images | None
    device: torch.device
    work: Path
    """Folder for checkpoints."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a training gives: top classes (E, M) after each epoch, and what else it tells."""

    top_class: NDArray[np.int64]
    notes: Sequence[str] = ()
    tuned: NDArray[np.float32] | None = None
    """(M, D) features of those measured on, tuned; None where the method leaves them alone."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What a method is given, with one seed."""

    method: str
    seed: int
    split: Split
    material: Material
    config: CompareConfig
    on_step: OnStep

    @property
    def settings(self) -> Any:
        """Those of its own paper, or those of the budget that all share."""
        name = self.method.removesuffix("-fft")
        return own_settings(name) if self.config.budget == "own" else short_budget(name)


def run_cell(
    method: str,
    seed: int,
    split: Split,
    material: Material,
    config: CompareConfig,
    on_step: OnStep,
) -> Cell:
    """Train a method on `split` and measure it.

    Raises:
        DataError: the method needs images, and there are features only.
        JobError: training diverged.
    """
    info = METHODS[method]
    if info.needs_images and material.images is None:
        raise DataError(f"{info.title} needs images: with features alone it cannot be run")
    start = time.perf_counter()
    train = {"probe": _probe, "fft": _fft, "turn": _turn, "tuner": _tuner}[info.group]
    found = train(_Work(method, seed, split, material, config, on_step))
    best = material.chosen.best[split.test]
    right, outside = found.top_class == best, split.is_outside
    measures = _spectrum(split, material, found) if info.group == "tuner" else {}
    return Cell(
        method=method,
        seed=seed,
        curve=tuple(right[:, ~outside].mean(axis=1).tolist()),
        outside_accuracy=float(right[-1, outside].mean()) if outside.any() else None,
        seconds=time.perf_counter() - start,
        measures=measures,
        notes=tuple(found.notes),
        ready_at=time.time(),
    )


def _probe(work: _Work) -> _Found:
    return _baseline(work, work.method, work.settings, _features_of(work))


def _fft(work: _Work) -> _Found:
    images, chosen, split = work.material.images, work.material.chosen, work.split
    assert images is not None  # run_cell has checked it
    settings, config = work.settings, work.config
    assert isinstance(settings, CeConfig | GceConfig | ElrConfig)  # no other name ends in -fft
    backbone = images.load()
    head = _new_head(backbone, len(chosen.classes), work.seed)
    preset = _preset(backbone, images, work.seed)
    finetune = replace(
        preset.finetune,
        epochs=config.finetune_epochs,
        batch_size=config.batch_size,
        micro_batch_size=min(config.batch_size, preset.finetune.micro_batch_size),
    )
    result = run_fft(
        ImageData(
            pixels=PixelRows(images.pixels, split.train),
            labels=chosen.labels[split.train],
            test_pixels=PixelRows(images.pixels, split.test),
            test_labels=chosen.best[split.test],
        ),
        Classifier(backbone, head).to(work.material.device),
        settings,
        finetune,
        seed=derive(work.seed, "finetune"),
        precision=images.precision,
        on_epoch=lambda epoch, accuracy: work.on_step(epoch, finetune.epochs),
        check=lambda: work.on_step(-1, finetune.epochs),
    )
    return _from(result)


def _turn(work: _Work) -> _Found:
    """TURN as a run does it; what is measured on counts as excluded: scored, never trained on."""
    material, method, seed = work.material, work.method, work.seed
    images, chosen = material.images, material.chosen
    assert images is not None  # run_cell has checked it
    excluded = np.ones(len(chosen.ids), np.bool_)
    excluded[work.split.train] = False
    backbone = images.load()
    settings = replace(
        _preset(backbone, images, seed), method="turn-plus" if method == "turn-plus" else "turn"
    )
    total = settings.finetune.epochs + 1

    def on_event(event: StageProgress | CurvePoint) -> None:
        if isinstance(event, CurvePoint) and event.name == "clean_fraction":
            work.on_step(int(event.x) + 1, total)

    result = run_turn(
        TurnData(
            labels=chosen.labels,
            num_classes=len(chosen.classes),
            trusted=np.zeros(len(chosen.ids), np.bool_),
            excluded=excluded,
            names=[f"sample {sample_id}" for sample_id in chosen.ids],
            image_keys=material.image_keys,
            pixels=images.pixels,
            features=material.features,
        ),
        settings,
        backbone=backbone,
        device=material.device,
        checkpoint_dir=material.work / f"{method}-{seed}",
        on_event=on_event,
        check=lambda: work.on_step(-1, total),
    )
    return _Found(result.pass_top_class[:, work.split.test], result.notes)


def _tuner(work: _Work) -> _Found:
    settings, data = tuner_settings()[work.method], _features_of(work)
    if not isinstance(settings, NmTuneConfig):
        return _baseline(work, "ce", settings, data)
    curve = AccuracyCurve(
        data.test_labels, lambda epoch, accuracy: work.on_step(epoch, settings.epochs)
    )
    model = fit_nmtune(
        data.features,
        data.labels,
        data.num_classes,
        settings,
        seed=work.seed,
        device=work.material.device,
        views=data.views,
        on_model=lambda model: curve.add(model.logits(data.test_features)),
    )
    result = curve.result(model.logits(data.features))
    return replace(_from(result), tuned=model.tune(data.test_features).cpu().numpy())


def _baseline(work: _Work, name: str, settings: Any, data: BaselineData) -> _Found:
    epochs = settings.head.epochs if hasattr(settings, "head") else settings.epochs
    result = baselines[name](
        data,
        settings,
        seed=work.seed,
        device=work.material.device,
        on_epoch=lambda epoch, accuracy: work.on_step(epoch, max(epoch, epochs)),
    )
    return _from(result)


def _features_of(work: _Work) -> BaselineData:
    """Features of both parts, and the views that this method learns on: no more, no fewer."""
    info, material, split = METHODS[work.method], work.material, work.split
    views = None
    if info.weak_views and material.views is not None:
        weak = tuple(view[split.train] for view in material.views.weak)
        strong = material.views.strong if info.strong_views else ()
        views = FeatureViews(weak, tuple(view[split.train] for view in strong))
    return BaselineData(
        features=np.array(material.features[split.train]),
        labels=material.chosen.labels[split.train],
        test_features=np.array(material.features[split.test]),
        test_labels=material.chosen.best[split.test],
        num_classes=len(material.chosen.classes),
        views=views,
    )


def _spectrum(split: Split, material: Material, found: _Found) -> dict[str, float]:
    """Shape of the features measured on, those of another domain where there are some."""
    rows = split.is_outside if split.is_outside.any() else ~split.is_outside
    before = np.array(material.features[split.test[rows]])
    after = before if found.tuned is None else found.tuned[rows]
    return {
        "sve_before": singular_value_entropy(before),
        "lsvr_before": largest_singular_value_ratio(before),
        "sve_after": singular_value_entropy(after),
        "lsvr_after": largest_singular_value_ratio(after),
    }


def _preset(backbone: Backbone, images: Images, seed: int) -> TurnConfig:
    """The backbone's own settings, as a run has them; nothing more is held out."""
    spec = backbone.spec
    preset = preset_for(spec.preset, backbone=spec.name, seed=seed)
    finetune = replace(preset.finetune, precision=images.precision.dtype)
    return replace(preset, finetune=finetune, holdout_fraction=0.0)


def _new_head(backbone: Backbone, num_classes: int, seed: int) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "compare", "head"))
        return nn.Linear(backbone.feature_dim, num_classes)


def _from(result: MethodResult) -> _Found:
    return _Found(result.top_class, result.notes)
