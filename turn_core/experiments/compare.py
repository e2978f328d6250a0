"""The comparison: several methods on the same features, images and labels, over several seeds.

Features and views are computed once. Each (method, seed) is a cell; cells that are there are not
computed again. Needs no store and no browser.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from turn_core import devices
from turn_core.backbones.loading import Backbone, load_backbone
from turn_core.compare_config import METHODS, CompareConfig, method_title
from turn_core.durable import write_json
from turn_core.errors import DataError, JobCancelled, JobError
from turn_core.experiments.attempt import OpenPixels, counter, fixed_precision
from turn_core.experiments.compare_data import OUTSIDE, Chosen, split_of
from turn_core.experiments.compare_methods import Images, Material, run_cell
from turn_core.features import extract_features
from turn_core.linear_probe import Features
from turn_core.methods.progress import OnEvent, StageProgress
from turn_core.methods.turn_run import inference_batch
from turn_core.pixels import Geometry
from turn_core.predictions import OnProgress, PixelRows
from turn_core.presets import preset_for
from turn_core.types.comparing import Cell
from turn_core.views import FeatureViews, ViewPlan, extract_views

READ, FEATURES, VIEWS = "Read images", "Extract features", "Extract views"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareInputs:
    """What a comparison needs beside its config: images, or features without any."""

    chosen: Chosen
    image_keys: Sequence[str]
    """(N,) equal for copies of one image."""
    work: Path
    """Features, views and checkpoints while it runs; the caller removes it when all is done."""
    open_pixels: OpenPixels | None = None
    features: Features | None = None
    """(N, D) as a person brought them."""
    load: Callable[[], Backbone] | None = None
    """Gives the backbone anew; None loads it as the config says."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The cells in the order of work, and seconds of what they share."""

    cells: tuple[Cell, ...]
    features_seconds: float
    views_seconds: float


def run_comparison(
    inputs: CompareInputs,
    config: CompareConfig,
    *,
    done: Sequence[Cell] = (),
    on_cell: Callable[[Cell], None] = lambda cell: None,
    on_event: OnEvent = lambda event: None,
    check: Callable[[], None] = lambda: None,
) -> Compared:
    """Run every cell that is not among `done`, seed by seed.

    `on_cell` is called for each new one. A method that fails is a cell with an error, and the
    others go on. Killed at any moment, the same call with what is done goes on at the next cell.

    Raises:
        BackboneError: the backbone is unknown or cannot be reached.
        DataError: there are neither images nor features.
        ResourceError: the disk or a GPU is missing.
    """
    comparison = _Comparison(inputs, config, on_event, check)
    ready = {(cell.method, cell.seed): cell for cell in done}
    missing = [cell for cell in config.cells() if cell not in ready]
    if missing:
        material = comparison.material({method for method, _ in missing})
        for method, seed in missing:
            ready[method, seed] = comparison.cell(method, seed, material)
            on_cell(ready[method, seed])
    cells = tuple(ready[cell] for cell in config.cells())
    return Compared(cells, comparison.seconds["features"], comparison.seconds["views"])


def stage_names(config: CompareConfig, *, with_images: bool) -> list[str]:
    """Return the stages of a comparison in order, as `on_event` names them."""
    names = [READ, FEATURES] if with_images else []
    if with_images and any(METHODS[name].weak_views for name in config.methods):
        names.append(VIEWS)
    return names + [cell_stage(method, seed) for method, seed in config.cells()]


def cell_stage(method: str, seed: int) -> str:
    """Return the name of the stage of a cell."""
    return f"{method_title(method)}, seed {seed}"


class _Comparison:
    """One attempt."""

    def __init__(
        self,
        inputs: CompareInputs,
        config: CompareConfig,
        on_event: OnEvent,
        check: Callable[[], None],
    ) -> None:
        if inputs.features is None and inputs.open_pixels is None:
            raise DataError("a comparison needs images or features; give one of them")
        self.inputs, self.config = inputs, config
        self.on_event, self.check = on_event, check
        self.device = devices.resolve(config.device)
        self.seconds = {"features": 0.0, "views": 0.0}

    def material(self, methods: set[str]) -> Material:
        """Features, and what else these methods need."""
        inputs = self.inputs
        features, views, images = inputs.features, None, None
        if inputs.open_pixels is not None:
            backbone, precision = self._load(), fixed_precision(self.inputs.work, self.device)
            pixels = inputs.open_pixels(Geometry.of(backbone.spec), self._counter(READ))
            images = Images(pixels=pixels, load=self._load, precision=precision)
            with self._timed("features"):
                features = self._features(backbone, images)
            if any(METHODS[name].weak_views for name in methods):
                with self._timed("views"):
                    views = self._views(backbone, images, methods)
        assert features is not None  # the constructor has checked it
        return Material(
            chosen=inputs.chosen,
            image_keys=inputs.image_keys,
            features=features,
            views=views,
            images=images,
            device=self.device,
            work=inputs.work,
        )

    def cell(self, method: str, seed: int, material: Material) -> Cell:
        """Run a cell; what a person could not mend otherwise becomes its error."""
        stage = cell_stage(method, seed)
        step = [0]

        def on_step(done: int, total: int) -> None:
            self.check()
            step[0] = done if done >= 0 else step[0]
            self.on_event(StageProgress(stage, step[0], total))

        on_step(0, 1)
        try:
            split = split_of(material.chosen, material.image_keys, self.config, seed)
            return run_cell(method, seed, split, material, self.config, on_step)
        except JobCancelled:
            raise
        except (DataError, JobError) as error:
            return Cell(method=method, seed=seed, ready_at=time.time(), error=str(error))

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        """Add up the seconds of all attempts."""
        path = self.inputs.work / f"{what}-seconds.json"
        start = time.perf_counter()
        yield
        earlier = json.loads(path.read_text(encoding="utf-8"))["seconds"] if path.exists() else 0.0
        self.seconds[what] = earlier + time.perf_counter() - start
        write_json(path, {"seconds": self.seconds[what]})

    def _load(self) -> Backbone:
        self.check()
        if self.inputs.load is not None:
            return self.inputs.load()
        return load_backbone(self.config.backbone, allow_hub=self.config.allow_hub)

    def _features(self, backbone: Backbone, images: Images) -> Features:
        return extract_features(
            backbone.to(self.device),
            images.pixels,
            path=self.inputs.work / "features.npy",
            batch_size=inference_batch(self.device),
            precision=images.precision,
            on_progress=self._counter(FEATURES),
        )

    def _views(self, backbone: Backbone, images: Images, methods: set[str]) -> FeatureViews:
        """Views of all samples but those of another domain, which are never trained on."""
        inside = np.flatnonzero(self.inputs.chosen.role != OUTSIDE)
        strong = any(METHODS[name].strong_views for name in methods)
        preset = preset_for(backbone.spec.preset, backbone=backbone.spec.name)
        augmentation = preset.finetune.augmentation
        plan = ViewPlan(
            augmentation="affine" if augmentation == "none" else augmentation,
            num_strong=ViewPlan().num_strong if strong else 0,
            seed=self.config.seed,
        )
        found = extract_views(
            backbone.to(self.device),
            PixelRows(images.pixels, inside),
            plan,
            pixels_key="compare",
            folder=self.inputs.work / "views",
            batch_size=inference_batch(self.device),
            precision=images.precision,
            on_progress=self._counter(VIEWS),
        )
        if len(inside) == len(self.inputs.chosen.ids):
            return found
        return FeatureViews(
            tuple(_spread(view, inside, len(self.inputs.chosen.ids)) for view in found.weak),
            tuple(_spread(view, inside, len(self.inputs.chosen.ids)) for view in found.strong),
        )

    def _counter(self, stage: str) -> OnProgress:
        return counter(stage, self.on_event, self.check)


def _spread(view: Features, rows: NDArray[np.int64], size: int) -> Features:
    """Put the rows of a view at their places among all samples; the others are never read."""
    out = np.full((size, view.shape[1]), np.nan, np.float32)
    out[rows] = view
    return out
