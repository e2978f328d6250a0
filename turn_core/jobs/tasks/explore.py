"""The explore job: samples and images in, panels, tables and figures out. It goes on after a kill.

Panels that are whole are kept whatever becomes of the job; what it works on lies in its staging
folder, which goes with it.
"""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core import devices
from turn_core.backbones.loading import load_backbone
from turn_core.config import ExploreConfig, from_dict
from turn_core.errors import JobCancelled
from turn_core.experiments.explore import ExploreInputs, run_exploration
from turn_core.experiments.explore_data import Selection, select_samples
from turn_core.experiments.explore_figures import write_figures
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.explore_plan import panel_plan, stage_names
from turn_core.experiments.explore_tables import write_tables
from turn_core.jobs import environment
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks.candidates import candidates_of
from turn_core.methods.progress import CurvePoint, StageProgress
from turn_core.pixels import Geometry, PixelCache, build_pixel_cache
from turn_core.predictions import OnProgress
from turn_core.services import bitrot, exploration_results, samples
from turn_core.services.samples import LabelSnapshot
from turn_core.types.exploring import Exploration, Panel

CHOOSE, WRITE = "Choose samples", "Write tables and figures"


def run(context: JobContext) -> dict[str, Any]:
    """Compute the exploration of this job; returns its id and the number of its panels.

    Raises:
        BackboneError: a backbone is unknown or cannot be reached.
        DataError: the classes have too few usable samples.
        JobError: training diverged, or too many images cannot be read.
        ResourceError: disk or GPU are missing.
        JobCancelled: a person pressed Cancel; the panels that are whole stay.
    """
    found = exploration_results.of_job(context.workspace, context.job.job_id)
    try:
        return _Explore(context, found).run()
    except JobCancelled as cancelled:
        raise JobCancelled("Cancelled; the panels that were finished stay") from cancelled


class _Explore:
    """One attempt at an exploration."""

    def __init__(self, context: JobContext, record: Exploration) -> None:
        self.context, self.record, self.workspace = context, record, context.workspace
        self.folder = self.workspace.files.exploration(record.exploration_id)
        self.work = self.workspace.files.staging(context.job.job_id) / "explore"
        config = from_dict(ExploreConfig, record.config)
        allowed = config.allow_hub and self.workspace.settings.allow_hub
        self.config = replace(config, allow_hub=allowed)
        self.stages = [CHOOSE, *stage_names(self.config), WRITE]

    def run(self) -> dict[str, Any]:
        selection = self._fixed_selection()
        summary = self._summary(selection)
        exploration_results.save_summary(
            self.workspace, self.record, summary, fence=self.context.fence
        )

        def open_pixels(geometry: Geometry, on_progress: OnProgress) -> PixelCache:
            return self._pixels(selection, geometry, on_progress)

        panels = run_exploration(
            ExploreInputs(
                selection=selection,
                open_pixels=open_pixels,
                folder=self.folder,
                work=self.work,
            ),
            self.config,
            on_panel=self._put,
            on_event=self._tell,
            check=self.context.check,
        )
        self._tell(StageProgress(WRITE, 0, 1))
        summary["files"] = self._write(selection)
        summary["peak_memory_bytes"] = environment.peak_memory_bytes()
        exploration_results.save_summary(
            self.workspace, self.record, summary, fence=self.context.fence
        )
        return {"exploration_id": self.record.exploration_id, "num_panels": len(panels)}

    @cached_property
    def snapshot(self) -> LabelSnapshot:
        """All labels of the project as of this attempt."""
        return samples.label_snapshot(self.workspace, self.record.project_id)

    def _fixed_selection(self) -> Selection:
        """The samples and labels of the first attempt: decisions made since change nothing."""
        path = self.folder / "selection.safetensors"
        if path.exists():
            return Selection.load(path)
        self._tell(StageProgress(CHOOSE, 0, 1))
        backbone = load_backbone(self.config.backbones[0], allow_hub=self.config.allow_hub)
        geometry = Geometry.of(backbone.spec)
        candidates = candidates_of(self.snapshot)
        while True:
            selection = select_samples(candidates, self.config)
            gone = self._unreadable(selection, geometry)
            if not len(gone):
                break
            bitrot.mark_unreadable(self.workspace, self.record.project_id, gone.tolist())
            usable = candidates.usable & ~np.isin(candidates.ids, gone)
            candidates = replace(candidates, usable=usable)
        selection.save(path)
        return selection

    def _unreadable(self, selection: Selection, geometry: Geometry) -> NDArray[np.int64]:
        """Ids of those samples whose image can no longer be read."""

        def told(done: int, total: int) -> None:
            self.context.check()
            self._tell(StageProgress(CHOOSE, done, total))

        return selection.ids[self._pixels(selection, geometry, told).unreadable]

    def _pixels(
        self, selection: Selection, geometry: Geometry, on_progress: OnProgress
    ) -> PixelCache:
        hashes = [str(sha256) for sha256 in self.snapshot.sha256s[self._places(selection)]]
        return build_pixel_cache(
            self.work / "pixels",
            [self.workspace.files.blob(sha256) for sha256 in hashes],
            hashes,
            geometry,
            limits=self.workspace.settings.limits,
            on_progress=on_progress,
        )

    def _places(self, selection: Selection) -> NDArray[np.int64]:
        """(N,) places of the selected samples in the snapshot."""
        return np.searchsorted(self.snapshot.sample_ids, selection.ids)

    def _summary(self, selection: Selection) -> dict[str, Any]:
        names = [self.snapshot.class_names[index] for index in selection.classes]
        return selection.summary() | {
            "class_names": names,
            "num_panels": len(panel_plan(self.config)),
            "label_rev": self.record.summary.get("label_rev", self.snapshot.label_rev),
            "environment": environment.describe(devices.resolve(self.config.device)),
        }

    def _write(self, selection: Selection) -> list[str]:
        file_names = self.snapshot.file_names[self._places(selection)]
        folder, names = PanelFolder(self.folder), self.snapshot.class_names
        files = write_tables(
            folder, selection, class_names=names, file_names=[str(name) for name in file_names]
        )
        labels = selection.best[selection.points]
        chosen = [names[index] for index in selection.classes]
        return files + write_figures(folder, labels, class_names=chosen)

    def _put(self, panel: Panel) -> None:
        exploration_results.save_panel(self.workspace, self.record, panel, fence=self.context.fence)

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
