"""The exploration: features before and after fine-tuning on noised labels (TURN paper, Figure 2).

For each backbone the features of held-out images before; then for each noise level a linear probe,
full fine-tuning (FFT) by cross entropy and, if wanted, TURN, all on the same noised labels, and the
features of the held-out images after. Needs no store and no browser. N selected samples, T of them
trained on and M looked at, D feature dimensions.
"""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core import devices
from turn_core.backbones.loading import Backbone, load_backbone
from turn_core.backbones.registry import BackboneSpec
from turn_core.experiments import explore_plan as plans
from turn_core.experiments import explore_training as training
from turn_core.experiments.attempt import OpenPixels, counter, fixed_precision
from turn_core.experiments.explore_data import Selection, noise_for
from turn_core.experiments.explore_maps import Floats, PanelMaker, record
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.explore_plan import Planned
from turn_core.explore_config import ExploreConfig
from turn_core.features import extract_features
from turn_core.methods.progress import OnEvent
from turn_core.methods.turn_run import inference_batch
from turn_core.noise import NoisyLabels, apply_noise
from turn_core.noise_config import INSTANCE_KINDS
from turn_core.pixels import Geometry
from turn_core.predictions import OnProgress, PixelRows, PixelSource
from turn_core.seeds import derive
from turn_core.types.exploring import Panel, PanelMethod

SMALL = Geometry(32)
"""What noise that depends on the image looks at, whatever the backbone takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreInputs:
    """What an exploration needs beside its config."""

    selection: Selection
    open_pixels: OpenPixels
    folder: Path
    """Where the panels go; those that are there whole are not computed again."""
    work: Path
    """Features and checkpoints while it runs; the caller removes it when all is done."""
    load: Callable[[str], Backbone] | None = None
    """Gives a fresh backbone by its name; None loads it as the config says."""


def run_exploration(
    inputs: ExploreInputs,
    config: ExploreConfig,
    *,
    on_panel: Callable[[Panel], None] = lambda panel: None,
    on_event: OnEvent = lambda event: None,
    check: Callable[[], None] = lambda: None,
) -> tuple[Panel, ...]:
    """Compute all panels and return them in the order of their numbers.

    `on_panel` is called for each panel when its figures and its PCA map are there, and again when
    another map is; panels that an earlier attempt finished are told too. Killed at any moment, the
    same call goes on and ends with the same panels, on the same machine with as many threads.

    Raises:
        BackboneError: a backbone is unknown or cannot be reached.
        ConfigError: the noise does not fit the number of classes.
        DataError: the metrics cannot be computed of these data.
        JobError: training diverged twice.
        ResourceError: the disk or a GPU is missing.
    """
    exploration = _Exploration(inputs, config, on_panel, on_event, check)
    for backbone in config.backbones:
        exploration.explore(backbone)
    return tuple(exploration.folder.all())


@dataclass(frozen=True, slots=True)
class _Before:
    """What every panel of a backbone is compared with."""

    spec: BackboneSpec
    pixels: PixelSource
    """All N images."""
    train: Floats
    """(T, D) frozen features of the samples that are trained on."""
    points: Floats
    """(M, D) of those that are looked at."""
    panel: Panel


class _Exploration:
    """One attempt."""

    def __init__(
        self,
        inputs: ExploreInputs,
        config: ExploreConfig,
        on_panel: Callable[[Panel], None],
        on_event: OnEvent,
        check: Callable[[], None],
    ) -> None:
        self.inputs, self.config, self.selection = inputs, config, inputs.selection
        self.on_panel, self.on_event, self.check = on_panel, on_event, check
        self.device = devices.resolve(config.device)
        self.folder = PanelFolder(inputs.folder)
        self.plan = plans.panel_plan(config)
        self.train, self.points = self.selection.train, self.selection.points
        self.precision = fixed_precision(inputs.work, self.device)
        self.noisy: dict[float, NoisyLabels] = {}
        self.maker = PanelMaker(
            folder=self.folder,
            sample_ids=self.selection.ids[self.points],
            best=self.selection.best[self.points],
            projections=config.projections,
            plan=self.plan,
            seed=config.seed,
            on_panel=on_panel,
            check=check,
        )

    def explore(self, backbone: str) -> None:
        """Make all panels of a backbone: before, the line of the probe, after."""
        mine = [planned for planned in self.plan if planned.backbone == backbone]
        before = self._before(mine[0])
        self._probes([p for p in mine if p.method is PanelMethod.PROBE], before)
        for planned in mine:
            if planned.method not in plans.TRAINED:
                continue
            if self.maker.is_done(planned) and (done := self.folder.load(planned.idx)):
                self.on_panel(done)
            else:
                self._after(planned, before)

    def _load(self, name: str) -> Backbone:
        self.check()
        if self.inputs.load is not None:
            return self.inputs.load(name)
        return load_backbone(name, allow_hub=self.config.allow_hub)

    def _before(self, planned: Planned) -> _Before:
        name = planned.backbone
        backbone = self._load(name)
        reading = self._counter(plans.backbone_stage(name, plans.READ))
        pixels = self.inputs.open_pixels(Geometry.of(backbone.spec), reading)
        stage = plans.backbone_stage(name, plans.FEATURES)
        features = self._features(backbone, pixels, planned, stage)
        points = np.array(features[self.points])
        told = self._counter(plans.maps_stage(planned))
        panel = self.maker.make(planned, points, points, {}, told)
        return _Before(backbone.spec, pixels, features[self.train], points, panel)

    def _probes(self, planned: list[Planned], before: _Before) -> None:
        """The line of the linear probe: frozen features, so that only the accuracy differs."""
        told = self._counter(plans.backbone_stage(planned[0].backbone, plans.PROBES))
        for done, one in enumerate(planned):
            told(done, len(planned))
            panel = self.folder.load(one.idx)
            if panel is None:
                run = self._level(one, before)
                probe = training.fit_probe(before.train, run, check=self.check)
                logits = probe.logits(before.points)
                panel = record(one, {**before.panel.metrics, **self._accuracy(logits, run)}, ())
                self.folder.save(panel, {})
            self.on_panel(panel)
        told(len(planned), len(planned))

    def _after(self, planned: Planned, before: _Before) -> None:
        run, backbone = self._level(planned, before), self._load(planned.backbone)
        hooks: dict[str, Any] = {"on_event": self.on_event, "check": self.check}
        hooks["stage"] = plans.level_stage(planned)
        if planned.method is PanelMethod.FFT:
            model = training.finetune(backbone, run, **hooks)
        else:
            model = training.turn(backbone, before.train, run, **hooks)
        held = PixelRows(before.pixels, self.points)
        stage = plans.features_stage(planned)
        features = np.array(self._features(model.backbone, held, planned, stage))
        found = self._accuracy(training.head_logits(model, features), run)
        told = self._counter(plans.maps_stage(planned))
        self.maker.make(planned, before.points, features, found, told)
        shutil.rmtree(run.folder, ignore_errors=True)

    def _level(self, planned: Planned, before: _Before) -> training.Level:
        ids = self.selection.ids[self.train]
        return training.Level(
            noisy=self._noise(planned.level or 0.0),
            num_classes=len(self.selection.classes),
            trusted=self.selection.trusted[self.train],
            pixels=PixelRows(before.pixels, self.train),
            names=[f"sample {sample_id}" for sample_id in ids],
            config=training.turn_config(self.config, before.spec, self.precision.dtype),
            device=self.device,
            folder=self.inputs.work / f"training-{planned.idx:03d}",
        )

    def _noise(self, level: float) -> NoisyLabels:
        """The noised labels of a level; a higher level changes what a lower one does, and more."""
        if level not in self.noisy:
            self.noisy[level] = apply_noise(
                self.selection.labels[self.train],
                len(self.selection.classes),
                noise_for(self.selection, self.config, level),
                seed=derive(self.config.seed, "explore", "noise"),
                trusted=self.selection.trusted[self.train],
                inputs=self._small() if self.config.noise in INSTANCE_KINDS else None,
            )
        return self.noisy[level]

    def _small(self) -> NDArray[np.uint8]:
        """(T, 3, 32, 32) pixels for noise that depends on the image."""
        pixels = self.inputs.open_pixels(SMALL, lambda done, total: self.check())
        parts = np.array_split(self.train, math.ceil(len(self.train) / 256))
        return np.concatenate([pixels.batch(rows).numpy() for rows in parts])

    def _features(
        self, backbone: Backbone, pixels: PixelSource, planned: Planned, stage: str
    ) -> Floats:
        return extract_features(
            backbone.to(self.device),
            pixels,
            path=self.inputs.work / f"features-{planned.idx:03d}.npy",
            batch_size=inference_batch(self.device),
            precision=self.precision,
            on_progress=self._counter(stage),
        )

    def _accuracy(self, logits: torch.Tensor, run: training.Level) -> dict[str, float]:
        """Held-out accuracy, and how noisy the labels were that led to it."""
        found = {"noise_rate": run.noisy.rate}
        best = self.selection.best
        if (share := training.accuracy(logits, best[self.points])) is not None:
            found["accuracy"] = share
        if (self.selection.source[self.train] == 0).all():
            found["wrong_rate"] = float((run.noisy.labels != best[self.train]).mean())
        return found

    def _counter(self, stage: str) -> OnProgress:
        return counter(stage, self.on_event, self.check)
