"""The what-if job: injected errors in labels that are believed right, found again by step 1."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core import devices, what_if
from turn_core.config import TurnConfig, WhatIfConfig, from_dict
from turn_core.errors import JobError, NotFoundError
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks.train_labels import RunLabels
from turn_core.linear_probe import num_epochs
from turn_core.seeds import derive
from turn_core.services import runs, samples
from turn_core.services.samples import LabelSnapshot
from turn_core.store.arrays import load_array
from turn_core.types import Run
from turn_core.what_if import WhatIfMeasures

TRUSTED, CLEAN = "trusted", "clean"
"""Whose labels count as right: those of reviewers, or those that the round believes."""


def run(context: JobContext) -> dict[str, Any]:
    """Measure what step 1 finds of injected errors; returns measures with their spread.

    Raises:
        DataError: too few labels are believed right.
        ConfigError: the noise does not fit the classes that are left.
        JobError: the round's features are gone.
        JobCancelled: a person pressed Cancel.
    """
    config = from_dict(WhatIfConfig, context.params["config"])  # type: ignore[arg-type]
    found = runs.get_run(
        context.workspace,
        int(str(context.params["project_id"])),
        int(str(context.params["run_id"])),
    )
    settings = from_dict(TurnConfig, found.config)
    device = devices.resolve(settings.device)
    base = _base(context, found, config)
    noise = what_if.noise_among(config.noise, base.classes)
    rows = []
    for repeat in range(config.repeats):
        total = num_epochs(settings.probe, len(base.labels))

        def on_epoch(epoch: int, loss: float, repeat: int = repeat, total: int = total) -> None:
            context.check()
            context.progress(
                stage=f"Draw {repeat + 1} of {config.repeats}",
                step=epoch, total=total, stage_index=repeat + 1, num_stages=config.repeats,
            )  # fmt: skip

        on_epoch(0, 0.0)
        rows.append(
            what_if.measure(
                base.features, base.labels, len(base.classes), noise, settings,
                seed=derive(config.seed, repeat), device=device, on_epoch=on_epoch,
            )
        )  # fmt: skip
    return _result(base, found, rows)


@dataclass(frozen=True, slots=True)
class _Base:
    """Samples whose labels count as right: features (N, D), labels (N,) in 0..K-1."""

    source: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: NDArray[np.int64]
    num_left_out: int
    """Classes with too few such samples."""


def _base(context: JobContext, found: Run, config: WhatIfConfig) -> _Base:
    workspace = context.workspace
    snapshot = samples.label_snapshot(workspace, found.project_id)
    folder = workspace.files.run(found.run_id)
    key = str(found.environment.get("features_key", ""))
    path = workspace.files.array("any").parent / f"{key}.npy"
    try:
        labels = RunLabels.load(folder / "labels.safetensors")
        features = np.load(path, mmap_mode="r")
    except (NotFoundError, FileNotFoundError) as error:
        raise JobError(
            f"the features of round {found.number} are gone: train another round first"
        ) from error
    places = np.searchsorted(snapshot.sample_ids, labels.sample_ids)
    current = snapshot.current[places]
    source, eligible = _believed(context, found, config, snapshot, labels)
    rows, classes = what_if.usable_classes(current, eligible)
    if len(rows) > config.max_samples:
        rng = np.random.default_rng(derive(config.seed, "what if samples"))
        rows = np.sort(rng.choice(rows, config.max_samples, replace=False))
        rows = rows[np.isin(current[rows], classes)]
    present = np.unique(current[rows])
    everyone = np.unique(current[current >= 0])
    return _Base(
        source,
        np.array(features[rows], np.float32),
        np.searchsorted(present, current[rows]),
        present,
        len(everyone) - len(present),
    )


def _believed(
    context: JobContext,
    found: Run,
    config: WhatIfConfig,
    snapshot: LabelSnapshot,
    labels: RunLabels,
) -> tuple[str, NDArray[np.bool_]]:
    """Return which samples (M,) count as right, and why."""
    places = np.searchsorted(snapshot.sample_ids, labels.sample_ids)
    usable = (snapshot.current[places] >= 0) & ~snapshot.excluded[places]
    trusted = snapshot.trusted[places] & usable
    if trusted.sum() >= config.min_trusted:
        return TRUSTED, trusted
    path = context.workspace.files.scores(found.run_id)
    scored, clean, top, label = (
        np.asarray(load_array(path, name))
        for name in ("sample_ids", "final_clean_probability", "top_class", "label")
    )
    tau = from_dict(TurnConfig, found.config).cleansing.threshold
    # Where the round could not cut, all are above tau: the model must name the label, too.
    agreed = (clean > tau) & (top[:, 0] == label)
    believed = np.isin(labels.sample_ids, scored[agreed])
    return CLEAN, (believed & usable) | trusted


def _result(base: _Base, found: Run, rows: list[WhatIfMeasures]) -> dict[str, Any]:
    names = [field.name for field in fields(WhatIfMeasures)]
    return {
        "run_number": found.number,
        "source": base.source,
        "num_samples": len(base.labels),
        "num_classes": len(base.classes),
        "num_classes_left_out": base.num_left_out,
        "repeats": [asdict(row) for row in rows],
        "measures": {name: what_if.spread([getattr(row, name) for row in rows]) for name in names},
    }
