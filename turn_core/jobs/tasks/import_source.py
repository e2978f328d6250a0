"""The import job: read a source, store its images, then make the project in one transaction.

Images are stored by their hash before any row names them. A job that fails, is cancelled or
killed leaves no project; images that no row names go with the next sweep.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turn_core.errors import IngestError
from turn_core.ingest import inspection, names, reading
from turn_core.ingest.classes import ClassNames, too_many_classes
from turn_core.ingest.source import ImportPlan, SourceReport
from turn_core.ingest.storing import ImageStore, StoredItem
from turn_core.jobs.context import JobContext
from turn_core.services import imports, projects, uploads
from turn_core.services.projects import NewProject, NewSample
from turn_core.types import RefusedItem, SampleState

_MAX_WARNINGS = 50


@dataclass(slots=True)
class _Import:
    """What an import has taken so far; each step shows as progress and may end the job."""

    context: JobContext
    total: int
    taken: list[StoredItem] = field(default_factory=list)
    refused: list[RefusedItem] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def take(self, item: StoredItem) -> None:
        self.taken.append(item)
        self.notes.update(item.notes)
        self._step()

    def refuse(self, name: str, reason: str) -> None:
        self.refused.append(RefusedItem(names.shown(name), reason))
        self._step()

    def _step(self) -> None:
        self.context.check()
        done = min(self.total, len(self.taken) + len(self.refused))
        self.context.progress(step=done, total=self.total)


def run(context: JobContext) -> dict[str, Any]:
    """Import as the plan of the parameters says; return the project's id and the counts.

    Raises:
        IngestError: the source is refused as a whole, or none of its images can be used.
        ConflictError: a project of that name exists.
        ResourceError: the disk is full.
    """
    started = time.monotonic()
    workspace = context.workspace
    if context.job.project_id is not None:  # an earlier attempt was killed after its commit
        return _result_of(context, context.job.project_id)
    plan = ImportPlan.from_dict(context.params["plan"])  # type: ignore[arg-type]
    any_path = context.params.get("any_path") is True
    path = imports.resolve(workspace, plan.source, any_path=any_path)
    context.progress(stage="Look into the source", stage_index=1, num_stages=3)
    report = inspection.inspect(plan.source, workspace.settings.limits, path=path)
    _require_free(context, report)
    done = _store_images(context, plan, path, report)
    if not done.taken:
        raise IngestError(_nothing_usable(plan, done.refused))
    context.progress(stage="Make the project", stage_index=3)
    context.check()
    classes = ClassNames.of(plan, done.taken, workspace.settings.limits, path=path)
    summary = _summary(plan, report, done, classes, time.monotonic() - started)
    project_id = projects.create_project(
        workspace,
        NewProject(plan.name, classes.names),
        _samples(done.taken, classes),
        done.refused,
        summary,
        actor=context.job.created_by,
        job_id=context.job.job_id,
    )
    return _result_of(context, project_id)


def _result_of(context: JobContext, project_id: int) -> dict[str, Any]:
    """Return the job's result, and drop the upload that the project was made from."""
    report = projects.overview(context.workspace, project_id).import_report or {}
    plan = ImportPlan.from_dict(report["plan"])
    if plan.source.upload:
        uploads.discard(context.workspace, plan.source.upload)
    return {
        "project_id": project_id,
        "num_samples": report["num_samples"],
        "num_refused": report["num_refused"],
    }


def _require_free(context: JobContext, report: SourceReport) -> None:
    share = context.workspace.settings.limits.free_disk_share
    context.workspace.files.require_free(int(report.num_bytes / (1 - share)), "this import")


def _store_images(
    context: JobContext, plan: ImportPlan, path: Path | None, report: SourceReport
) -> _Import:
    done = _Import(context, report.num_images)
    limits = context.workspace.settings.limits
    staging = context.workspace.files.staging(context.job.job_id)
    store = ImageStore(context.workspace.files, staging, limits)
    items = reading.read_source(plan, limits, done.refuse, path=path)
    context.progress(stage="Read images", total=report.num_images, stage_index=2)
    seen: set[str | None] = set()
    for item in store.store_items(items, done.refuse):
        done.take(item)
        seen |= {item.label, item.true_label}
        if len(seen) - (None in seen) > limits.classes:
            raise IngestError(too_many_classes(plan, limits))
    store.sync()
    return done


def _nothing_usable(plan: ImportPlan, refused: list[RefusedItem]) -> str:
    title = plan.source.title
    if not refused:
        return f"{title} holds no images; nothing was imported"
    reasons = Counter(item.reason for item in refused)
    reason, count = reasons.most_common(1)[0]
    example = next(item.name for item in refused if item.reason == reason)
    return (
        f"none of the {len(refused):,} items of {title} can be used, so nothing was imported; "
        f"the most frequent reason ({count:,} times, e.g. {example}): {reason}"
    )


def _samples(taken: list[StoredItem], classes: ClassNames) -> Iterator[NewSample]:
    for item in taken:
        state = SampleState.UNLABELLED if item.label is None else SampleState.OK
        yield NewSample(
            file_name=item.file_name,
            sha256=item.sha256,
            width=item.width,
            height=item.height,
            state=state,
            raw_label=item.raw_label,
            class_index=classes.index_of(item.label),
            true_index=classes.index_of(item.true_label),
            split=item.split,
            row_ref=item.row_ref,
        )


def _summary(
    plan: ImportPlan, report: SourceReport, done: _Import, classes: ClassNames, seconds: float
) -> dict[str, Any]:
    """Return the import report that stays with the project, as plain JSON values."""
    given = Counter(item.label for item in done.taken if item.label is not None)
    hashes = Counter(item.sha256 for item in done.taken)
    warnings = [*report.warnings, *inspection.label_warnings(given, classes.names)]
    return {
        "plan": plan.to_dict(),
        "num_samples": len(done.taken),
        "num_refused": len(done.refused),
        "num_ignored": report.num_ignored,
        "num_unlabelled": sum(item.label is None for item in done.taken),
        "num_with_true_label": sum(item.true_label is not None for item in done.taken),
        "num_classes": len(classes.names),
        "num_identical": len(done.taken) - len(hashes),
        "notes": dict(done.notes),
        "warnings": list(dict.fromkeys(warnings))[:_MAX_WARNINGS],
        "seconds": round(seconds, 3),
    }
