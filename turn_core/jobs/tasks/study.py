"""What the jobs of all studies share: samples drawn once, images, parts kept, and going on.

Parts that are whole are kept whatever becomes of the job; what it works on lies in its staging
folder, which goes with it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from turn_core import devices
from turn_core.backbones.loading import load_backbone
from turn_core.compare_config import CompareConfig
from turn_core.config import ExploreConfig, from_dict
from turn_core.errors import JobCancelled
from turn_core.experiments.attempt import OpenPixels, counter
from turn_core.experiments.study_data import Candidates, Drawn
from turn_core.jobs import environment
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks.stages import teller
from turn_core.methods.progress import StageProgress
from turn_core.pixels import Geometry, PixelCache, build_pixel_cache
from turn_core.predictions import OnProgress
from turn_core.services import bitrot, samples, studies
from turn_core.services.samples import LabelSnapshot
from turn_core.types import SampleState
from turn_core.types.studies import P, Study, StudyKind

CHOOSE = "Choose samples"
C = TypeVar("C", CompareConfig, ExploreConfig)
D = TypeVar("D", bound=Drawn)


def run(
    context: JobContext, kind: StudyKind[P], compute: Callable[["Attempt[P]"], dict[str, Any]]
) -> dict[str, Any]:
    """Compute the study of this job; returns its id.

    `compute` puts each part as it is whole, and returns what else belongs into the summary.

    Raises:
        JobCancelled: a person pressed Cancel; the parts that are whole stay.
    """
    attempt = Attempt(context, studies.of_job(context.workspace, kind, context.job.job_id))
    try:
        found = compute(attempt)
    except JobCancelled as cancelled:
        raise JobCancelled("Cancelled; what was finished stays") from cancelled
    attempt.note(found | {"peak_memory_bytes": environment.peak_memory_bytes()})
    return {"study_id": attempt.study.study_id}


class Attempt(Generic[P]):
    """One attempt at a study.

    Attributes:
        study: the study with the parts of earlier attempts.
        folder: its files, which stay.
        work: what attempts share while the job lasts.
        stages: those that are told, in order; a task adds its own.
        tell: takes what a method tells of them.
    """

    def __init__(self, context: JobContext, study: Study[P]) -> None:
        self.context, self.study, self.workspace = context, study, context.workspace
        self.folder = self.workspace.files.study(study.study_id)
        self.work = self.workspace.files.staging(context.job.job_id) / study.kind.job
        self.stages = [CHOOSE]
        self.tell = teller(context, self.stages)
        self._summary: dict[str, Any] = {}

    def config(self, kind: type[C]) -> C:
        """Return the config; the hub is left alone where the settings say so."""
        config = from_dict(kind, self.study.config)
        return replace(config, allow_hub=config.allow_hub and self.workspace.settings.allow_hub)

    @cached_property
    def snapshot(self) -> LabelSnapshot:
        """All labels of the project as of this attempt."""
        return samples.label_snapshot(self.workspace, self.study.project_id)

    def drawn(
        self,
        path: Path,
        kind: type[D],
        draw: Callable[[Candidates], D],
        *,
        backbone: str,
        allow_hub: bool,
    ) -> D:
        """Return the samples and labels of the first attempt: decisions made since change nothing.

        `path` keeps them. Images that can no longer be read take no part.
        """
        if path.exists():
            return kind.load(path)
        self.tell(StageProgress(CHOOSE, 0, 1))
        geometry = Geometry.of(load_backbone(backbone, allow_hub=allow_hub).spec)
        told = counter(CHOOSE, self.tell, self.context.check)
        candidates = candidates_of(self.snapshot)
        while True:
            found = draw(candidates)
            gone = found.ids[self._pixels(found, geometry, told).unreadable]
            if not len(gone):
                break
            bitrot.mark_unreadable(self.workspace, self.study.project_id, gone.tolist())
            usable = candidates.usable & ~np.isin(candidates.ids, gone)
            candidates = replace(candidates, usable=usable)
        found.save(path)
        return found

    def opener(self, drawn: Drawn) -> OpenPixels:
        """Return what gives the images of these samples."""

        def open_pixels(geometry: Geometry, on_progress: OnProgress) -> PixelCache:
            return self._pixels(drawn, geometry, on_progress)

        return open_pixels

    def hashes(self, drawn: Drawn) -> list[str]:
        """Return the contents of the images of these samples."""
        return [str(sha256) for sha256 in self.snapshot.sha256s[self._places(drawn)]]

    def file_names(self, drawn: Drawn) -> list[str]:
        """Return the file names of these samples."""
        return [str(name) for name in self.snapshot.file_names[self._places(drawn)]]

    def class_names(self, drawn: Drawn) -> list[str]:
        """Return the names of their C classes."""
        return [self.snapshot.class_names[index] for index in drawn.classes]

    def note_drawn(self, drawn: Drawn, told: dict[str, Any], *, device: str) -> None:
        """Store what is told of the samples, and with what they are worked on."""
        self.note(
            told
            | {
                "class_names": self.class_names(drawn),
                "label_rev": self.study.summary.get("label_rev", self.snapshot.label_rev),
                "environment": environment.describe(devices.resolve(device)),
            }
        )

    def note(self, found: dict[str, Any]) -> None:
        """Add to the summary and store it."""
        self._summary |= found
        studies.save_summary(self.workspace, self.study, self._summary, fence=self.context.fence)

    def put(self, part: P) -> None:
        """Store a part that is whole."""
        studies.save_part(self.workspace, self.study, part, fence=self.context.fence)

    def _places(self, drawn: Drawn) -> Any:
        """(N,) places of the drawn samples in the snapshot."""
        return np.searchsorted(self.snapshot.sample_ids, drawn.ids)

    def _pixels(self, drawn: Drawn, geometry: Geometry, on_progress: OnProgress) -> PixelCache:
        hashes = self.hashes(drawn)
        return build_pixel_cache(
            self.work / "pixels",
            [self.workspace.files.blob(sha256) for sha256 in hashes],
            hashes,
            geometry,
            limits=self.workspace.settings.limits,
            on_progress=on_progress,
        )


def candidates_of(snapshot: LabelSnapshot) -> Candidates:
    """Return all samples; usable are those with an image and a label that nobody excluded."""
    unreadable = snapshot.state == SampleState.UNREADABLE
    return Candidates(
        ids=snapshot.sample_ids,
        labels=snapshot.current,
        true=snapshot.true,
        trusted=snapshot.trusted,
        usable=~unreadable & ~snapshot.excluded & (snapshot.current >= 0),
        split=snapshot.split.tolist(),
        image_keys=snapshot.sha256s.tolist(),
    )
