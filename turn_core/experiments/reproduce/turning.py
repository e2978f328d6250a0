"""TURN as a table needs it: with test accuracy after every epoch, and with parts taken away.

The steps are those of `methods.turn_run.TurnRun`, so that tables and audits run the same method.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from turn_core.config import TurnConfig
from turn_core.durable import write_json
from turn_core.experiments.reproduce.benchmark import Given
from turn_core.experiments.reproduce.plan import EVERY, NEVER, Variant
from turn_core.experiments.reproduce.workbench import Workbench
from turn_core.linear_probe import Features, LinearProbe, take_rows
from turn_core.methods.progress import OnEvent
from turn_core.methods.records import TurnData
from turn_core.methods.turn_run import TurnRun, inference_batch
from turn_core.predictions import PixelRows, predict_from_pixels

CURVE, CHECKPOINTS = "curve.json", "checkpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What a run gave. E epochs."""

    curve: tuple[float, ...]
    """(E,) test accuracy, 0..1."""
    probe_accuracy: float
    """Test accuracy after step 1."""
    subset_sizes: tuple[int, ...]
    """(E,) samples trained on."""
    subset_purity: tuple[float, ...]
    """(E,) share of right labels among them; empty where nobody knows."""
    num_scorings: int
    """Passes over all samples that cost a forward pass each."""
    seconds: float
    """Of probe, scoring and fine-tuning; through interruptions too."""
    notes: tuple[str, ...]


def config_of(bench: Workbench, variant: Variant, *, seed: int) -> TurnConfig:
    """Return the backbone's preset with the settings of the variant."""
    config = bench.config
    return replace(
        config,
        seed=seed,
        probe=replace(config.probe, epochs=variant.probe_epochs),
        cleansing=replace(config.cleansing, threshold=variant.threshold),
        finetune=replace(config.finetune, epochs=variant.finetune_epochs),
    )


def run_variant(
    bench: Workbench,
    given: Given,
    variant: Variant,
    *,
    seed: int,
    folder: Path,
    on_event: OnEvent,
) -> Turned:
    """Run TURN on the given labels; `folder` holds checkpoints, from which a killed run goes on.

    Raises:
        DataError: the noise left a class without labels.
        JobError: training diverged twice.
        ResourceError: the disk has no room for a checkpoint.
    """
    config, backbone = config_of(bench, variant, seed=seed), bench.new_backbone()
    run = TurnRun(
        _data(bench, given),
        config,
        backbone,
        bench.device,
        folder / CHECKPOINTS,
        on_event,
        bench.check,
    )
    if not variant.probe:
        shape = bench.benchmark.num_classes, backbone.feature_dim
        zeros = torch.zeros(shape, device=bench.device)
        run.training.state.probe = LinearProbe(zeros, zeros[:, 0].clone())
    features = run.extract_features()
    probe = run.fit_probe(features)
    run.build_model(probe)
    curve = _Curve(bench, run, folder / CURVE)
    curve.catch_up()
    for epoch in range(run.epoch, config.finetune.epochs):
        if len(run.training.state.selected) == epoch:
            _select(run, probe, features, variant)
        run.finetune(epoch)
        curve.catch_up()
    return _turned(bench, given, run, probe, curve.points)


def _data(bench: Workbench, given: Given) -> TurnData:
    size, names = len(given.rows), list(map(str, given.rows))
    return TurnData(
        labels=given.labels,
        num_classes=bench.benchmark.num_classes,
        trusted=np.zeros(size, bool),
        excluded=np.zeros(size, bool),
        names=names,
        image_keys=names,
        pixels=PixelRows(bench.pixels("train"), given.rows),
        features=take_rows(bench.features("train"), given.rows),
    )


def _select(run: TurnRun, probe: LinearProbe, features: Features, variant: Variant) -> None:
    """Choose what the epoch under way is trained on."""
    state = run.training.state
    if variant.cleansing == EVERY or (variant.cleansing != NEVER and not state.selected):
        run.select(run.cleanse(run.predict(probe, features)))
        return
    chosen = run.trained if variant.cleansing == NEVER else state.selected[0]
    state.selected.append(chosen.copy())  # a checkpoint refuses shared memory
    run.training.save(anchor=True)


class _Curve:
    """Test accuracy after every epoch, kept beside the checkpoints."""

    def __init__(self, bench: Workbench, run: TurnRun, path: Path) -> None:
        self.bench, self.run, self.path = bench, run, path
        kept = json.loads(path.read_text(encoding="utf-8"))["points"] if path.exists() else []
        self.points: list[float] = kept[: run.epoch]

    def catch_up(self) -> None:
        """Measure the model, unless its last whole epoch has been measured.

        A run that was killed between the end of an epoch and its measuring stands at that end.
        """
        if len(self.points) < self.run.epoch:
            self.points.append(self._accuracy())
            write_json(self.path, {"points": self.points})

    def _accuracy(self) -> float:
        bench, model = self.bench, self.run.model
        assert model is not None  # there are images, so there is a model
        labels = bench.benchmark.test_labels
        found = predict_from_pixels(
            model,
            bench.pixels("test"),
            labels,
            batch_size=inference_batch(bench.device),
            precision=self.run.training.state.precision,
            on_progress=lambda done, total: bench.check(),
        )
        return float(np.mean(found.top_class[:, 0] == labels))


def _turned(
    bench: Workbench, given: Given, run: TurnRun, probe: LinearProbe, curve: list[float]
) -> Turned:
    state, wrong = run.training.state, given.is_wrong
    top = probe.logits(bench.features("test")).argmax(dim=1).cpu().numpy()
    return Turned(
        curve=tuple(curve),
        probe_accuracy=float(np.mean(top == bench.benchmark.test_labels)),
        subset_sizes=tuple(int(chosen.sum()) for chosen in state.selected),
        subset_purity=()
        if wrong is None
        else tuple(float(1 - wrong[chosen].mean()) for chosen in state.selected),
        num_scorings=max(0, len(state.passes) - 1),
        seconds=sum(float(row["seconds"]) for row in state.times.rows()),
        notes=tuple(state.notes),
    )
