"""The search job: the probe's settings that predict held-out labels best, on cached features."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from turn_core import devices
from turn_core.config import SearchConfig, TurnConfig, from_dict, to_dict
from turn_core.experiments import ray_features, ray_link, ray_search
from turn_core.experiments import search as searching
from turn_core.experiments.search import RunAll, SearchData, SearchResult, SearchSpace, Trial
from turn_core.experiments.search_records import TrialFile, columns
from turn_core.features import extract_features
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks.frozen_features import STAGES, Extract, FrozenFeatures, frozen_features
from turn_core.seeds import derive
from turn_core.services import backbones

TRY = "Try settings"
CURVE = "search_accuracy"


def run(context: JobContext) -> dict[str, Any]:
    """Try the preset and every setting of the space; returns the best, and all trials as columns.

    The preset is the first trial, so that what is found is never behind it.

    Raises:
        BackboneError: the backbone is unknown or cannot be reached.
        DataError: too few samples can be used.
        JobError: no setting could be trained, or too many images cannot be read.
        ConfigError: Ray was asked for and is not installed.
        JobCancelled: a person pressed Cancel.
    """
    config = from_dict(SearchConfig, context.params["config"])  # type: ignore[arg-type]
    context.progress(num_stages=len(STAGES) + 1)
    device = devices.resolve(config.device)
    if not config.ray:
        return _search(context, config, device, extract_features, None)
    with ray_link.connected(config.ray):
        return _search(
            context, config, device, ray_features.extract_features, ray_search.runner(device)
        )


def _search(
    context: JobContext,
    config: SearchConfig,
    device: torch.device,
    extract: Extract,
    run_all: RunAll | None,
) -> dict[str, Any]:
    preset = replace(
        backbones.default_config(config.backbone, seed=config.seed),
        device=config.device,
        allow_hub=config.allow_hub,
    )
    folder = context.workspace.files.staging(context.job.job_id) / "search"
    project_id = int(str(context.params["project_id"]))
    found = frozen_features(context, project_id, preset, device, folder, extract=extract)
    data = _data(found, config)
    configs = list(dict.fromkeys([preset.probe, *_space(config).configs(preset.probe)]))
    log = _TrialLog(context, TrialFile(folder / "trials.jsonl"), len(configs))
    result = searching.search(
        data,
        configs,
        seed=config.seed,
        device=device,
        run_all=run_all,
        done=log.trials,
        on_trial=log.add,
    )
    return _result(config, preset, found, data, result)


def _space(config: SearchConfig) -> SearchSpace:
    return SearchSpace(
        optimizers=config.optimizers,
        learning_rates=config.learning_rates,
        weight_decays=config.weight_decays,
        batch_sizes=config.batch_sizes,
    )


def _data(found: FrozenFeatures, config: SearchConfig) -> SearchData:
    """The samples that nobody excluded, or a random part of them, some held out."""
    rows = np.flatnonzero(~found.excluded)
    if len(rows) > config.max_samples:
        rng = np.random.default_rng(derive(config.seed, "search samples"))
        rows = np.sort(rng.choice(rows, config.max_samples, replace=False))
    classes, labels = np.unique(found.usable.labels[rows], return_inverse=True)
    return searching.hold_out(
        found.features[rows],
        labels.astype(np.int64),
        len(classes),
        seed=config.seed,
        fraction=config.holdout_fraction,
        image_keys=[str(key) for key in found.image_keys[rows]],
    )


class _TrialLog:
    """Keeps each trial as it ends and tells how far the search is."""

    def __init__(self, context: JobContext, file: TrialFile, total: int) -> None:
        self.context, self.file, self.total = context, file, total
        self.trials = file.load()
        self._tell()

    def add(self, trial: Trial) -> None:
        self.file.add(trial)
        self.trials.append(trial)
        self._tell()

    def _tell(self) -> None:
        self.context.check()
        count = len(self.trials)
        self.context.progress(stage=TRY, step=count, total=self.total, stage_index=len(STAGES) + 1)
        if count:
            self.context.curve(CURVE, count, max(trial.accuracy for trial in self.trials))


def _result(
    config: SearchConfig,
    preset: TurnConfig,
    found: FrozenFeatures,
    data: SearchData,
    result: SearchResult,
) -> dict[str, Any]:
    best, own = result.best, result.trials[0]
    return {
        "backbone": config.backbone,
        "probe": to_dict(best.config),
        "preset": to_dict(preset.probe),
        "accuracy": best.accuracy,
        "preset_accuracy": own.accuracy,
        "num_samples": len(data.labels),
        "num_classes": data.num_classes,
        "num_held_out": int(data.held_out.sum()),
        "features_key": found.features_key,
        "seconds": sum(trial.seconds for trial in result.trials),
        "engine": "ray" if config.ray else "process",
        "trials": columns(result.trials),
    }
