"""The frozen features of a project, for jobs that need nothing else of its images.

M samples with a readable image, N <= M of them with a class to train on, D feature dimensions. What
a round of the same backbone has decoded and extracted is used again, and the other way round.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core.backbones.loading import Backbone, load_backbone
from turn_core.backbones.precision import PrecisionChoice
from turn_core.config import TurnConfig
from turn_core.features import extract_features, features_key
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks.train_labels import RunLabels, Usable
from turn_core.linear_probe import Features
from turn_core.methods.training import choose_precision
from turn_core.methods.turn_run import inference_batch
from turn_core.pixels import Geometry, PixelCache, build_pixel_cache
from turn_core.predictions import OnProgress
from turn_core.services import bitrot, samples
from turn_core.services.samples import LabelSnapshot

LOAD, READ, EXTRACT = "Load backbone", "Read images", "Extract features"
STAGES = (LOAD, READ, EXTRACT)

Extract = Callable[..., Features]
"""`features.extract_features`, or what takes the same arguments and gives the same features."""


@dataclass(frozen=True, slots=True, eq=False)
class FrozenFeatures:
    """Features of the N samples that can be trained on, in the order of `usable.rows`."""

    snapshot: LabelSnapshot
    labels: RunLabels
    usable: Usable
    features: Features
    """(N, D)."""
    image_keys: NDArray[np.object_]
    """(N,) equal for copies of an image."""
    features_key: str

    @property
    def excluded(self) -> NDArray[np.bool_]:
        """(N,) samples that a reviewer took out."""
        return self.labels.excluded[self.usable.rows]


def frozen_features(
    context: JobContext,
    project_id: int,
    config: TurnConfig,
    device: torch.device,
    folder: Path,
    *,
    extract: Extract = extract_features,
) -> FrozenFeatures:
    """Return features and labels of a project; the labels are fixed in `folder` at the first call.

    Tells the stages of `STAGES`; asks at every step whether to go on.

    Raises:
        BackboneError: the backbone is unknown or cannot be reached.
        JobError: too many images cannot be read.
        ResourceError: the disk has no room.
    """
    workspace = context.workspace
    context.progress(stage=LOAD, total=1, stage_index=1)
    allowed = config.allow_hub and workspace.settings.allow_hub
    backbone = load_backbone(config.backbone, allow_hub=allowed)
    snapshot = samples.label_snapshot(workspace, project_id)
    labels = _fixed_labels(snapshot, folder)
    places = np.searchsorted(snapshot.sample_ids, labels.sample_ids)
    hashes = snapshot.sha256s[places]
    pixels = _pixels(context, backbone, [str(sha256) for sha256 in hashes])
    gone = labels.sample_ids[pixels.unreadable]
    bitrot.mark_unreadable(workspace, project_id, gone.tolist())
    usable = Usable.among(labels, pixels.unreadable)
    precision = choose_precision(config, device)
    key = features_key(backbone, pixels.key, precision)
    features = _features(context, backbone.to(device), pixels, key, precision, extract)
    return FrozenFeatures(snapshot, labels, usable, features[usable.rows], hashes[usable.rows], key)


def _fixed_labels(snapshot: LabelSnapshot, folder: Path) -> RunLabels:
    path = folder / "labels.safetensors"
    if path.exists():
        return RunLabels.load(path)
    labels = RunLabels.of(snapshot)
    labels.save(path)
    return labels


def _pixels(context: JobContext, backbone: Backbone, hashes: list[str]) -> PixelCache:
    files = context.workspace.files
    return build_pixel_cache(
        files.array("any").parent,
        [files.blob(sha256) for sha256 in hashes],
        hashes,
        Geometry.of(backbone.spec),
        limits=context.workspace.settings.limits,
        on_progress=_counter(context, READ),
    )


def _features(
    context: JobContext,
    backbone: Backbone,
    pixels: PixelCache,
    key: str,
    precision: PrecisionChoice,
    extract: Extract,
) -> Features:
    device = next(backbone.parameters()).device
    context.progress(stage=EXTRACT, total=len(pixels), stage_index=3)
    return extract(
        backbone,
        pixels,
        path=context.workspace.files.array(key, ".npy"),
        batch_size=inference_batch(device),
        precision=precision,
        on_progress=_counter(context, EXTRACT),
    )


def _counter(context: JobContext, stage: str) -> OnProgress:
    def on_progress(done: int, total: int) -> None:
        context.check()
        context.progress(stage=stage, step=done, total=total, stage_index=STAGES.index(stage) + 1)

    return on_progress
