"""One cell: a method on a backbone, under one noise, with one seed. M images trained on."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from turn_core import __version__
from turn_core.config import FinetuneConfig, to_dict
from turn_core.experiments.reproduce.benchmark import Given, given_labels
from turn_core.experiments.reproduce.plan import GIVEN, NOISES, Row
from turn_core.experiments.reproduce.turning import config_of, run_variant
from turn_core.experiments.reproduce.workbench import STRONG, WEAK, Workbench
from turn_core.linear_probe import take_rows
from turn_core.methods import baselines, own_settings, run_fft, short_budget
from turn_core.methods.baseline import BaselineData, ImageData, MethodResult, OnEpoch
from turn_core.methods.configs import (
    CeConfig,
    DivideMixConfig,
    ElrConfig,
    GceConfig,
    HeadTraining,
    MethodConfig,
    TwoHeads,
    UniconConfig,
)
from turn_core.methods.progress import CurvePoint, StageProgress
from turn_core.predictions import PixelRows
from turn_core.seeds import derive
from turn_core.views import FeatureViews

FFT_EPOCHS = 5
"""Of the fine-tuned baselines (paper 5.1)."""
TRAIN_STEP = 3
"""Forwards that a training step counts per image: its own, and the backward pass for two."""
EXTRACTED = {
    "lp-dividemix": ("train", "weak"),
    "lp-unicon": ("train", "weak", "strong"),
}
"""Features that a method needs; the other linear probes and TURN need those of `train`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a method gave and what it cost."""

    curve: tuple[float, ...]
    """Test accuracy after every epoch, 0..1."""
    forwards: int
    """Forward passes of single images, or what costs as much."""
    seconds: float
    """Without the extraction of features."""
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    """What only TURN has."""


def settings_of(bench: Workbench, row: Row) -> dict[str, Any]:
    """Return all that a cell's result follows from but its seed, as plain values."""
    own: dict[str, Any]
    if row.method == "turn":
        config = config_of(bench, row.variant, seed=0)
        own = {name: to_dict(getattr(config, name)) for name in ("probe", "cleansing", "finetune")}
        own["variant"] = to_dict(row.variant)
    else:
        own = {"method": to_dict(method_config(bench, row))}
        if row.method.startswith("fft"):
            own["finetune"] = to_dict(finetune_config(bench))
    return {"features": bench.key, "noise": to_dict(NOISES[row.noise]), "row": row.name, **own}


def run_cell(bench: Workbench, row: Row, *, seed: int, folder: Path) -> dict[str, Any]:
    """Run a cell and return its record; `folder` holds what a killed one goes on from.

    Raises:
        DataError: the noise cannot be made, or leaves a class without labels.
        JobError: training diverged.
        ResourceError: the disk or the device is exhausted.
    """
    given = given_labels(bench.benchmark, NOISES[row.noise], seed=seed)
    if row.method == "turn":
        found = _turn(bench, given, row, seed=seed, folder=folder)
    elif row.method.startswith("fft"):
        found = _fft(bench, given, row, seed=derive(seed, "reproduce", row.method))
    else:
        found = _probe(bench, given, row, seed=derive(seed, "reproduce", row.method))
    extraction = 0.0
    if not row.method.startswith("fft"):
        extraction = bench.seconds(*EXTRACTED.get(row.method, ("train",)))
    return {
        "backbone": bench.label,
        "noise": row.noise,
        "row": row.name,
        "method": row.method,
        "seed": seed,
        "best": 100 * max(found.curve),
        "last": 100 * found.curve[-1],
        "curve": [100 * point for point in found.curve],
        "noise_rate": given.noise_rate,
        "num_train": len(given.rows),
        "num_test": len(bench.benchmark.test_labels),
        "num_classes": bench.benchmark.num_classes,
        "forwards": found.forwards,
        "cost": found.forwards / (FFT_EPOCHS * TRAIN_STEP * len(given.rows)),
        "seconds": found.seconds + extraction,
        "extraction_seconds": extraction,
        "precision": bench.precision.dtype,
        "threads": torch.get_num_threads(),
        "device": str(bench.device),
        "load": os.getloadavg()[0],
        "version": __version__,
        "notes": list(found.notes),
        **found.details,
    }


def method_config(bench: Workbench, row: Row) -> MethodConfig:
    """Return a baseline's settings.

    CE, GCE and ELR take the backbone's own probe settings and 20 epochs, ELR with its paper's
    beta and lambda. DivideMix and UNICON take their own settings in the budget of 20 epochs, and
    penalise confidence in warm-up under asymmetric noise, as their code does. On photographs ELR
    and MixUp take what their papers take there.
    """
    name = row.method.partition("-")[2]
    probe = bench.config.probe
    noise = NOISES[row.noise]
    photos = noise.kind == GIVEN
    if name in ("dividemix", "unicon"):
        config = short_budget(name)
        assert isinstance(config, DivideMixConfig | UniconConfig)  # these two have such settings
        asymmetric = noise.kind.startswith("asymmetric")
        return replace(config, confidence_penalty=asymmetric, alpha=0.5 if photos else config.alpha)
    config = own_settings(name)
    if isinstance(config, ElrConfig) and photos:
        config = replace(config, beta=0.7, weight=3.0)
    assert isinstance(config, CeConfig | GceConfig | ElrConfig)  # the others
    head = HeadTraining(
        epochs=probe.epochs,
        batch_size=probe.batch_size,
        optimizer=probe.optimizer,
        learning_rate=probe.learning_rate,
        momentum=probe.momentum,
        weight_decay=probe.weight_decay,
        standardize=probe.standardize,
    )
    return replace(config, head=head)


def finetune_config(bench: Workbench) -> FinetuneConfig:
    """Return how the baselines are fine-tuned: as the backbone's TURN, for five epochs."""
    return replace(bench.config.finetune, epochs=FFT_EPOCHS)


def _probe(bench: Workbench, given: Given, row: Row, *, seed: int) -> Outcome:
    """A baseline by linear probe, on features that were extracted once."""
    name, config = row.method.removeprefix("lp-"), method_config(bench, row)
    compared, strong = name in ("dividemix", "unicon"), name == "unicon"
    benchmark = bench.benchmark
    data = BaselineData(
        features=take_rows(bench.features("train"), given.rows),
        labels=given.labels,
        test_features=take_rows(bench.features("test"), np.arange(len(benchmark.test_labels))),
        test_labels=benchmark.test_labels,
        num_classes=benchmark.num_classes,
        views=_rows_of(bench.views(strong=strong), given) if compared else None,
    )
    start = time.perf_counter()
    found = baselines[name](
        data, config, seed=seed, device=bench.device, on_epoch=_told(bench, row, _epochs(config))
    )
    images = 1 + WEAK * compared + STRONG * strong
    return _outcome(found, forwards=images * len(given.rows), start=start)


def _fft(bench: Workbench, given: Given, row: Row, *, seed: int) -> Outcome:
    """A baseline by full fine-tuning on all given labels, from a head of zeros."""
    data = ImageData(
        pixels=PixelRows(bench.pixels("train"), given.rows),
        labels=given.labels,
        test_pixels=bench.pixels("test"),
        test_labels=bench.benchmark.test_labels,
    )
    config = method_config(bench, row)
    assert isinstance(config, CeConfig | GceConfig | ElrConfig)  # no other is fine-tuned
    start = time.perf_counter()
    found = run_fft(
        data,
        bench.new_model(),
        config,
        finetune_config(bench),
        seed=seed,
        precision=bench.precision,
        on_epoch=_told(bench, row, FFT_EPOCHS),
        check=bench.check,
    )
    forwards = FFT_EPOCHS * TRAIN_STEP * len(given.rows)
    return _outcome(found, forwards=forwards, start=start)


def _turn(bench: Workbench, given: Given, row: Row, *, seed: int, folder: Path) -> Outcome:
    def on_event(event: StageProgress | CurvePoint) -> None:
        if isinstance(event, StageProgress):
            stage = f"{title_of(row)}: {event.stage.lower()}"
            bench.on_event(StageProgress(stage, event.step, event.total))

    found = run_variant(bench, given, row.variant, seed=seed, folder=folder, on_event=on_event)
    size, sizes = len(given.rows), found.subset_sizes
    return Outcome(
        curve=found.curve,
        forwards=size * (1 + found.num_scorings) + TRAIN_STEP * sum(sizes),
        seconds=found.seconds,
        notes=found.notes,
        details={
            "probe_accuracy": 100 * found.probe_accuracy,
            "subset_sizes": list(sizes),
            "subset_purity": [100 * share for share in found.subset_purity],
        },
    )


def title_of(row: Row) -> str:
    """Return what people read of a cell while it runs."""
    return f"{row.title}, {NOISES[row.noise].title}"


def _rows_of(views: FeatureViews, given: Given) -> FeatureViews:
    weak, strong = (
        tuple(take_rows(view, given.rows) for view in kind) for kind in (views.weak, views.strong)
    )
    return FeatureViews(weak, strong)


def _epochs(config: MethodConfig) -> int:
    return config.epochs if isinstance(config, TwoHeads) else config.head.epochs


def _told(bench: Workbench, row: Row, epochs: int) -> OnEpoch:
    def on_epoch(epoch: int, accuracy: float) -> None:
        bench.check()
        bench.on_event(StageProgress(title_of(row), epoch, epochs))

    return on_epoch


def _outcome(found: MethodResult, *, forwards: int, start: float) -> Outcome:
    return Outcome(
        curve=found.curve,
        forwards=forwards,
        seconds=time.perf_counter() - start,
        notes=found.notes,
    )
