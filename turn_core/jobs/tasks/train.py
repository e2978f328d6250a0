"""The train job: labels and images in, TURN, scores and a model out. It goes on after a kill."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core import devices
from turn_core.backbones.classifier import save_classifier
from turn_core.backbones.loading import Backbone, load_backbone
from turn_core.config import TurnConfig, from_dict
from turn_core.errors import ConflictError, StoreError
from turn_core.jobs import environment
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks.stages import teller
from turn_core.jobs.tasks.train_labels import RunLabels, Usable
from turn_core.jobs.tasks.train_quality import mixture_arrays, opinion_arrays, run_features
from turn_core.jobs.tasks.train_scores import Found, run_metrics, score_arrays, score_rows
from turn_core.methods.progress import StageProgress, StageTimes
from turn_core.methods.records import TurnData, TurnResult
from turn_core.methods.turn import run_turn, stage_names
from turn_core.pixels import Geometry, PixelCache, build_pixel_cache
from turn_core.services import bitrot, leases, runs, samples
from turn_core.services.samples import LabelSnapshot
from turn_core.store.arrays import save_arrays
from turn_core.types import Run

LOAD, READ, SAVE = "Load backbone", "Read images", "Save"
OPINION = "Second opinion"


def run(context: JobContext) -> dict[str, Any]:
    """Compute the run of this job; returns {"run_id": its id}.

    Raises:
        BackboneError: the backbone is unknown or cannot be reached.
        DataError: the labels cannot be audited.
        JobError: training diverged, or too many images cannot be read.
        ResourceError: disk or GPU are missing.
        JobCancelled: a person pressed Cancel; nothing is kept.
    """
    found = runs.run_of_job(context.workspace, context.job.job_id)
    folder = context.workspace.files.run(found.run_id)
    if found.state != "complete":  # else the worker was killed between the scores and the end
        try:
            _Train(context, found, folder).run()
        except StoreError:
            raise  # the next attempt goes on from the checkpoint
        except Exception:
            _abandon(context, folder)
            raise
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return {"run_id": found.run_id}


def _abandon(context: JobContext, folder: Path) -> None:
    """Remove what a failed run leaves, unless it is complete or another worker goes on with it."""
    if _is_ours(context):
        run = runs.run_of_job(context.workspace, context.job.job_id)
        if run.state != "complete":
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(context: JobContext) -> bool:
    """Prolong the lease; False where another worker was given the job meanwhile."""
    beat = leases.heartbeat(context.workspace, context.job.job_id, context.fence)
    return beat.still_mine


@dataclass(frozen=True, slots=True)
class _Inputs:
    snapshot: LabelSnapshot
    labels: RunLabels
    usable: Usable
    pixels: PixelCache
    backbone: Backbone


class _Train:
    """One attempt at a run."""

    def __init__(self, context: JobContext, run: Run, folder: Path) -> None:
        self.context, self.record, self.folder = context, run, folder
        self.workspace = context.workspace
        self.config = from_dict(TurnConfig, run.config)
        self.device = devices.resolve(self.config.device)
        self.stages = [LOAD, READ, *stage_names(self.config.finetune.epochs)]
        self.stages += [OPINION, SAVE]
        self.times = StageTimes()
        self.tell = teller(context, self.stages)

    def run(self) -> None:
        self.tell(StageProgress(LOAD, 0, 1))
        backbone = load_backbone(
            self.config.backbone,
            allow_hub=self.config.allow_hub and self.workspace.settings.allow_hub,
        )
        inputs = self._read(backbone)
        data = self._turn_data(inputs)
        result = run_turn(
            data,
            self.config,
            backbone=backbone,
            device=self.device,
            checkpoint_dir=self.folder / "checkpoint",
            on_event=self.tell,
            check=self.context.check,
        )
        found = Found(result, inputs.labels, inputs.usable, inputs.snapshot.class_ids)
        self._save(inputs, found, score_arrays(found) | self._quality(found, data))

    def _quality(self, found: Found, data: TurnData) -> dict[str, NDArray[Any]]:
        """What the Quality page shows beside the scores."""

        def on_progress(done: int, total: int) -> None:
            self.context.check()
            self.tell(StageProgress(OPINION, done, total))

        with self.times.measure(OPINION) as items:
            features = run_features(self._arrays, found.result.features_key, data)
            opinion = opinion_arrays(
                found, data, self.config, features, device=self.device, on_progress=on_progress
            )
            items.count = len(data.labels)
        return mixture_arrays(found, data, self.config) | opinion

    def _read(self, backbone: Backbone) -> _Inputs:
        snapshot = samples.label_snapshot(self.workspace, self.record.project_id)
        labels = self._fixed_labels(snapshot)
        places = np.searchsorted(snapshot.sample_ids, labels.sample_ids)
        hashes = [str(sha256) for sha256 in snapshot.sha256s[places]]

        def on_progress(done: int, total: int) -> None:
            self.context.check()
            self.tell(StageProgress(READ, done, total))
            first.append(done)

        first: list[int] = []
        with self.times.measure(READ) as items:
            pixels = build_pixel_cache(
                self._arrays,
                [self.workspace.files.blob(sha256) for sha256 in hashes],
                hashes,
                Geometry.of(backbone.spec),
                limits=self.workspace.settings.limits,
                on_progress=on_progress,
            )
            items.count = first[-1] - first[0] if first else 0
        gone = labels.sample_ids[pixels.unreadable]
        bitrot.mark_unreadable(self.workspace, self.record.project_id, gone.tolist())
        usable = Usable.among(labels, pixels.unreadable)
        return _Inputs(snapshot, labels, usable, pixels, backbone)

    def _fixed_labels(self, snapshot: LabelSnapshot) -> RunLabels:
        """The labels of the first attempt: decisions made since are for the next round."""
        path = self.folder / "labels.safetensors"
        if path.exists():
            return RunLabels.load(path)
        labels = RunLabels.of(snapshot)
        runs.record_labels(
            self.workspace,
            self.record.run_id,
            labels_sha256=snapshot.labels_sha256,
            label_rev=snapshot.label_rev,
            num_samples=len(labels.sample_ids),
        )
        labels.save(path)
        return labels

    def _turn_data(self, inputs: _Inputs) -> TurnData:
        labels, rows = inputs.labels, inputs.usable.rows
        places = np.searchsorted(inputs.snapshot.sample_ids, labels.sample_ids[rows])
        return TurnData(
            labels=inputs.usable.labels,
            num_classes=len(inputs.usable.class_index),
            trusted=labels.trusted[rows],
            excluded=labels.excluded[rows],
            names=inputs.snapshot.file_names[places].tolist(),
            image_keys=inputs.snapshot.sha256s[places].tolist(),
            pixels=inputs.pixels,
            pixels_key=inputs.pixels.key,
            pixel_rows=rows,
            features_dir=self._arrays,
        )

    @property
    def _arrays(self) -> Path:
        return self.workspace.files.array("any").parent

    def _save(self, inputs: _Inputs, found: Found, arrays: dict[str, NDArray[Any]]) -> None:
        self.context.check()
        if not _is_ours(self.context):  # its folder is another worker's by now
            job_id = self.context.job.job_id
            raise ConflictError(f"job {job_id} was given to another worker: this one stops")
        self.tell(StageProgress(SAVE, 0, 1))
        snapshot, usable, result = inputs.snapshot, inputs.usable, found.result
        names = [snapshot.class_names[index] for index in usable.class_index]
        assert result.model is not None  # there are images
        with self.times.measure(SAVE) as items:
            save_classifier(self.folder / "model", result.model.cpu(), names)
            save_arrays(self.workspace.files.scores(self.record.run_id), arrays)
            items.count = len(usable.rows)
        places = np.searchsorted(snapshot.sample_ids, inputs.labels.sample_ids)
        read, opinion, save = self.times.rows()
        metrics = run_metrics(
            found,
            snapshot.true[places],
            threshold=self.config.cleansing.threshold,
            times=[read, *result.times, opinion, save],
        )
        metrics["num_unreadable"] = int(inputs.pixels.unreadable.sum())
        metrics["peak_memory_bytes"] = environment.peak_memory_bytes()
        runs.save_scores(
            self.workspace,
            self.record.run_id,
            score_rows(found),
            metrics,
            self._environment(inputs, result),
            fence=self.context.fence,
        )

    def _environment(self, inputs: _Inputs, result: TurnResult) -> dict[str, Any]:
        spec = inputs.backbone.spec
        return environment.describe(self.device) | {
            "threads": result.threads,
            "precision": result.precision,
            "pixels_key": inputs.pixels.key,
            "features_key": result.features_key,
            "backbone": {
                "name": spec.name,
                "family": spec.family,
                "revision": spec.revision,
                "licence": spec.licence,
                "input_px": spec.input_px,
                "feature_dim": spec.feature_dim,
            },
        }
