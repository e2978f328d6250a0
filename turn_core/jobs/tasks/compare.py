"""The compare job: samples and images in, a cell per method and seed out. It goes on after a kill.

Cells that are whole are kept whatever becomes of the job; features, views and checkpoints lie in
its staging folder, which goes with it.
"""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core import devices
from turn_core.backbones.loading import load_backbone
from turn_core.compare_config import CompareConfig
from turn_core.config import from_dict
from turn_core.errors import JobCancelled
from turn_core.experiments.compare import CompareInputs, run_comparison, stage_names
from turn_core.experiments.compare_data import Chosen, choose
from turn_core.jobs import environment
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks.candidates import candidates_of
from turn_core.methods.progress import CurvePoint, StageProgress
from turn_core.pixels import Geometry, PixelCache, build_pixel_cache
from turn_core.predictions import OnProgress
from turn_core.services import bitrot, comparison_results, samples
from turn_core.services.samples import LabelSnapshot
from turn_core.types.comparing import Cell, Comparison

CHOOSE = "Choose samples"


def run(context: JobContext) -> dict[str, Any]:
    """Compute the comparison of this job; returns its id and the number of its cells.

    Raises:
        BackboneError: the backbone is unknown or cannot be reached.
        DataError: the classes have too few usable samples.
        JobError: too many images cannot be read.
        ResourceError: disk or GPU are missing.
        JobCancelled: a person pressed Cancel; the cells that are whole stay.
    """
    found = comparison_results.of_job(context.workspace, context.job.job_id)
    try:
        return _Compare(context, found).run()
    except JobCancelled as cancelled:
        raise JobCancelled("Cancelled; the methods that were finished stay") from cancelled


class _Compare:
    """One attempt at a comparison."""

    def __init__(self, context: JobContext, record: Comparison) -> None:
        self.context, self.record, self.workspace = context, record, context.workspace
        self.work = self.workspace.files.staging(context.job.job_id) / "compare"
        config = from_dict(CompareConfig, record.config)
        allowed = config.allow_hub and self.workspace.settings.allow_hub
        self.config = replace(config, allow_hub=allowed)
        self.stages = [CHOOSE, *stage_names(self.config, with_images=True)]

    def run(self) -> dict[str, Any]:
        chosen = self._fixed_choice()
        summary = self._summary(chosen)
        self._save_summary(summary)

        def open_pixels(geometry: Geometry, on_progress: OnProgress) -> PixelCache:
            return self._pixels(chosen, geometry, on_progress)

        compared = run_comparison(
            CompareInputs(
                chosen=chosen,
                image_keys=self._hashes(chosen),
                work=self.work,
                open_pixels=open_pixels,
            ),
            self.config,
            done=self.record.cells,
            on_cell=self._put,
            on_event=self._tell,
            check=self.context.check,
        )
        summary["features_seconds"] = compared.features_seconds
        summary["views_seconds"] = compared.views_seconds
        summary["peak_memory_bytes"] = environment.peak_memory_bytes()
        self._save_summary(summary)
        return {
            "comparison_id": self.record.comparison_id,
            "num_cells": len(compared.cells),
        }

    @cached_property
    def snapshot(self) -> LabelSnapshot:
        """All labels of the project as of this attempt."""
        return samples.label_snapshot(self.workspace, self.record.project_id)

    def _fixed_choice(self) -> Chosen:
        """The samples and labels of the first attempt: decisions made since change nothing."""
        path = self.work / "chosen.safetensors"
        if path.exists():
            return Chosen.load(path)
        self._tell(StageProgress(CHOOSE, 0, 1))
        backbone = load_backbone(self.config.backbone, allow_hub=self.config.allow_hub)
        geometry = Geometry.of(backbone.spec)
        candidates = candidates_of(self.snapshot)
        while True:
            chosen = choose(candidates, self.config)
            gone = self._unreadable(chosen, geometry)
            if not len(gone):
                break
            bitrot.mark_unreadable(self.workspace, self.record.project_id, gone.tolist())
            usable = candidates.usable & ~np.isin(candidates.ids, gone)
            candidates = replace(candidates, usable=usable)
        chosen.save(path)
        return chosen

    def _unreadable(self, chosen: Chosen, geometry: Geometry) -> NDArray[np.int64]:
        """Ids of those samples whose image can no longer be read."""

        def told(done: int, total: int) -> None:
            self.context.check()
            self._tell(StageProgress(CHOOSE, done, total))

        return chosen.ids[self._pixels(chosen, geometry, told).unreadable]

    def _pixels(self, chosen: Chosen, geometry: Geometry, on_progress: OnProgress) -> PixelCache:
        hashes = self._hashes(chosen)
        return build_pixel_cache(
            self.work / "pixels",
            [self.workspace.files.blob(sha256) for sha256 in hashes],
            hashes,
            geometry,
            limits=self.workspace.settings.limits,
            on_progress=on_progress,
        )

    def _hashes(self, chosen: Chosen) -> list[str]:
        places = np.searchsorted(self.snapshot.sample_ids, chosen.ids)
        return [str(sha256) for sha256 in self.snapshot.sha256s[places]]

    def _summary(self, chosen: Chosen) -> dict[str, Any]:
        names = [self.snapshot.class_names[index] for index in chosen.classes]
        return chosen.summary(self.config) | {
            "class_names": names,
            "label_rev": self.record.summary.get("label_rev", self.snapshot.label_rev),
            "environment": environment.describe(devices.resolve(self.config.device)),
        }

    def _save_summary(self, summary: dict[str, Any]) -> None:
        comparison_results.save_summary(
            self.workspace, self.record, summary, fence=self.context.fence
        )

    def _put(self, cell: Cell) -> None:
        comparison_results.save_cell(self.workspace, self.record, cell, fence=self.context.fence)

    def _tell(self, event: StageProgress | CurvePoint) -> None:
        if isinstance(event, CurvePoint):
            self.context.curve(event.name, event.x, event.y)
            return
        self.context.progress(
            stage=event.stage,
            step=event.step,
            total=event.total,
            stage_index=self.stages.index(event.stage) + 1,
            num_stages=len(self.stages),
        )
