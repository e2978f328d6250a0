"""Projects with images, and the export job run by hand."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export_rows import image

from turn_core.config import TurnConfig
from turn_core.jobs.context import JobContext, StopFlag
from turn_core.jobs.tasks import export as task
from turn_core.services import exports, jobs, projects, review, runs
from turn_core.services.leases import ClaimedJob
from turn_core.services.projects import NewProject, NewSample
from turn_core.services.workspace import Workspace
from turn_core.types import (
    Action,
    DecisionRequest,
    Export,
    JobKind,
    JobState,
    Run,
    SampleState,
    ScoreRow,
)


def make_project(
    workspace: Workspace, labels: Sequence[str | None], *, name: str = "zoo", blobs: bool = True
) -> int:
    """Store a project with one image per label; the classes are the distinct labels."""
    names = tuple(dict.fromkeys(label for label in labels if label is not None))
    samples = []
    for i, label in enumerate(labels):
        data = image(i)
        sha256 = hashlib.sha256(data).hexdigest()
        if blobs:
            path = workspace.files.blob(sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        samples.append(
            NewSample(
                file_name=f"img/{i:05d}.png",
                sha256=sha256,
                width=8,
                height=8,
                state=SampleState.OK if label is not None else SampleState.UNLABELLED,
                raw_label=label,
                class_index=None if label is None else names.index(label),
                split="train" if i % 2 else None,
            )
        )
    return projects.create_project(workspace, NewProject(name, names), samples, actor="tester")


def complete_run(workspace: Workspace, project_id: int, num_samples: int) -> Run:
    """Make a complete run: sample i has clean probability i / 10 and suggestion class 0."""
    run = runs.start_run(workspace, project_id, TurnConfig(), actor="tester")
    claimed = jobs.claim(workspace, "tester", [JobKind.TRAIN])
    assert claimed
    class_id = projects.classes(workspace, project_id)[0].class_id
    first = sample_ids(workspace, project_id)[0]
    rows = [
        ScoreRow(first + i, i, min(1, i / 10), 0.5 * i, class_id, 0.75, 0.125, i > 4, "none", i)
        for i in range(num_samples)
    ]
    runs.save_scores(workspace, run.run_id, rows, {"threshold": 0.3}, {})
    jobs.finish(workspace, run.job_id, claimed.fence, state=JobState.DONE)
    return run


def sample_ids(workspace: Workspace, project_id: int) -> list[int]:
    """Return the ids of all samples in the order of their names."""
    from turn_core.services import samples

    return [s.sample_id for s in samples.browse(workspace, project_id, limit=100_000).items]


def decide(
    workspace: Workspace, project_id: int, sample_id: int, action: Action, **more: Any
) -> None:
    """Record a decision on the sample as it stands."""
    from turn_core.services import samples

    version = samples.get_sample(workspace, project_id, sample_id).version
    request = DecisionRequest(
        sample_id=sample_id,
        version=version,
        action=action,
        idem_key=f"{sample_id}-{version}-{action}",
        **more,
    )
    review.record(workspace, project_id, [request], actor="ann")


@dataclass
class Exporter:
    """A project and how to export it without a worker process."""

    workspace: Workspace
    project_id: int
    ids: list[int]
    run: Run | None = None

    def claim(self, kind: str, **options: Any) -> ClaimedJob:
        """Start an export and claim its job."""
        exports.start_export(self.workspace, self.project_id, kind, options=options, actor="bob")
        claimed = jobs.claim(self.workspace, "tester", [JobKind.EXPORT])
        assert claimed
        return claimed

    def context(self, claimed: ClaimedJob) -> JobContext:
        """Return what the task of the claimed job sees."""
        return JobContext(self.workspace, claimed.job, claimed.fence, stop=StopFlag())

    def make(self, kind: str, **options: Any) -> tuple[Export, Path, Mapping[str, Any]]:
        """Export and return the listed export, its file and the job's result."""
        claimed = self.claim(kind, **options)
        result = task.run(self.context(claimed))
        jobs.finish(
            self.workspace, claimed.job.job_id, claimed.fence, state=JobState.DONE, result=result
        )
        export = exports.get_export(self.workspace, self.project_id, result["export_id"])
        path = exports.export_file(self.workspace, self.project_id, export.export_id)
        return export, path, result


def make_reviewed(workspace: Workspace) -> Exporter:
    """Return the project of the fixture `reviewed`."""
    labels = ["cat", " cat", "=SUM(1)", "NA", "cat", "007", "cat", None]
    project_id = make_project(workspace, labels)
    ids = sample_ids(workspace, project_id)
    run = complete_run(workspace, project_id, 7)
    cat = projects.classes(workspace, project_id)[0].class_id
    decide(workspace, project_id, ids[0], Action.KEEP, seconds_spent=1.5)
    decide(workspace, project_id, ids[1], Action.RELABEL, class_id=cat, run_id=run.run_id)
    decide(workspace, project_id, ids[2], Action.EXCLUDE, bulk=True)
    decide(workspace, project_id, ids[3], Action.NEEDS_REVIEW)
    decide(workspace, project_id, ids[4], Action.SKIP)
    decide(workspace, project_id, ids[5], Action.RELABEL, class_id=cat)
    decide(workspace, project_id, ids[5], Action.UNDO)
    return Exporter(workspace, project_id, ids, run)


def read_csv(source: Path | bytes) -> list[dict[str, str]]:
    """Read an exact CSV with the standard library."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def read_zip(path: Path, member: str) -> bytes:
    """Return one member of a ZIP."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)
