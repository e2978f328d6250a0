"""A backbone on a benchmark: its features and views, extracted once and kept, and fresh models.

N images to train on, T to test on, D feature dimensions, K classes.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.loading import Backbone
from turn_core.backbones.registry import REGISTRY
from turn_core.config import Augmentation, TurnConfig
from turn_core.durable import write_json
from turn_core.experiments.reproduce.benchmark import Benchmark, Part
from turn_core.features import extract_features, features_key
from turn_core.linear_probe import Features
from turn_core.methods.progress import OnEvent, StageProgress
from turn_core.methods.training import choose_precision
from turn_core.methods.turn_run import inference_batch
from turn_core.pixels import Geometry
from turn_core.predictions import OnProgress, PixelSource
from turn_core.presets import preset_for
from turn_core.views import FeatureViews, ViewPlan, extract_views

WEAK, STRONG = 4, 2
"""Views per image, as DivideMix and UNICON forward them."""
SECONDS = "seconds.json"


class Workbench:
    """What all cells of one backbone share."""

    def __init__(
        self,
        benchmark: Benchmark,
        name: str,
        *,
        load: Callable[[], Backbone],
        cache: Path,
        device: torch.device,
        on_event: OnEvent = lambda event: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Load the backbone `name` by `load`, which gives a new one on every call.

        Raises:
            BackboneError: it is unknown or cannot be reached.
        """
        self.benchmark, self.name, self.device = benchmark, name, device
        self.on_event, self.check = on_event, check
        self._load, self._cache = load, cache
        self._frozen = load()
        self.spec = self._frozen.spec
        preset = preset_for(self.spec.preset, backbone=name)
        tuned = replace(preset.finetune, augmentation=benchmark.augmentation)
        self.config: TurnConfig = replace(preset, finetune=tuned, holdout_fraction=0.0)
        self.precision = choose_precision(self.config, device)
        in_registry = self.spec.name in REGISTRY
        self.label = self.spec.name if in_registry else self.spec.title
        """What tables and files call it: its name, or its folder's."""
        self.key = features_key(self._frozen, benchmark.key, self.precision)
        """Names weights, images and arithmetic."""
        self._kept: dict[str, Features] = {}
        self._kept_views: dict[bool, FeatureViews] = {}

    def pixels(self, part: Part) -> PixelSource:
        """Return the images of a part as the backbone takes them."""
        return self.benchmark.open_pixels(part, Geometry.of(self.spec))

    def new_backbone(self) -> Backbone:
        """Return the backbone as it came, on the CPU."""
        return self._load()

    def new_model(self) -> Classifier:
        """Return the backbone as it came with a head of zeros, on the device."""
        backbone = self.new_backbone()
        with torch.random.fork_rng(devices=[]):  # a new layer draws weights, overwritten below
            head = torch.nn.Linear(backbone.feature_dim, self.benchmark.num_classes)
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
        return Classifier(backbone, head).to(self.device)

    def features(self, part: Part) -> Features:
        """Return frozen features of a part, memory-mapped: (N, D) or (T, D).

        Raises:
            ResourceError: the disk has no room for them.
        """
        if part not in self._kept:
            name = features_key(self._frozen, f"{self.benchmark.key}-{part}", self.precision)
            with self._timed(part, f"features of the {part} images") as on_progress:
                self._kept[part] = extract_features(
                    self._frozen.to(self.device),
                    self.pixels(part),
                    path=self._cache / f"{name}.npy",
                    batch_size=inference_batch(self.device),
                    precision=self.precision,
                    on_progress=on_progress,
                )
        return self._kept[part]

    def views(self, *, strong: bool) -> FeatureViews:
        """Return features of changed training images: four weak views, two strong ones if asked.

        Raises:
            ResourceError: the disk has no room for them.
        """
        if strong not in self._kept_views:
            if strong:
                self.views(strong=False)  # so that the time of either is known
            kind: Augmentation = "crop" if self.benchmark.augmentation == "crop" else "affine"
            part, what = ("strong", "strongly changed") if strong else ("weak", "changed")
            with self._timed(part, f"features of {what} images") as on_progress:
                self._kept_views[strong] = extract_views(
                    self._frozen.to(self.device),
                    self.pixels("train"),
                    ViewPlan(augmentation=kind, num_weak=WEAK, num_strong=STRONG if strong else 0),
                    pixels_key=f"{self.benchmark.key}-train",
                    folder=self._cache,
                    batch_size=inference_batch(self.device),
                    precision=self.precision,
                    on_progress=on_progress,
                )
        return self._kept_views[strong]

    def seconds(self, *parts: str) -> float:
        """Return how long the extraction of `train`, `weak`, `strong` took, now or before."""
        known = self._known_seconds()
        return sum(known.get(f"{self.key}/{part}", 0.0) for part in parts)

    @contextmanager
    def _timed(self, part: str, stage: str) -> Iterator[OnProgress]:
        """Add the time of the block to that of `part`, unless everything is there already.

        Progress is told of by what is extracted only, so its first call says that there is work.
        """
        start, calls = time.perf_counter(), 0

        def on_progress(done: int, total: int) -> None:
            nonlocal calls
            calls += 1
            self.check()
            self.on_event(StageProgress(f"{self.spec.title}: {stage}", done, total))

        try:
            yield on_progress
        finally:
            if calls:
                known, key = self._known_seconds(), f"{self.key}/{part}"
                spent = known.get(key, 0.0) + time.perf_counter() - start
                write_json(self._cache / SECONDS, {**known, key: spent})

    def _known_seconds(self) -> dict[str, float]:
        path = self._cache / SECONDS
        if not path.exists():
            return {}
        known: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return known
