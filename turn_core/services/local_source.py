"""What commands that work without a browser share: their source as a project, their own queue.

The workspace is private to the command. The caller says how a queued job is run (`Execute`): the
services know nothing of worker processes.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from turn_core.config import to_dict
from turn_core.errors import ConflictError, DataError, IngestError, JobError
from turn_core.ingest import inspection
from turn_core.ingest.source import ImportPlan, SourceRef
from turn_core.services import imports, jobs, leases, projects
from turn_core.services.imports import ImportRequest
from turn_core.services.workspace import Workspace
from turn_core.types import Job, JobKind, JobState, Project

Execute = Callable[[Job], Job]
"""Runs a queued job to its end and returns it; raises a TurnError if it does not succeed."""

ACTOR = "command line"


class SourceRequest(Protocol):
    """A source, and the columns of its table where they are not to be guessed."""

    @property
    def source(self) -> SourceRef:
        """What to import."""
        ...

    @property
    def image_column(self) -> str | None:
        """Image files or image bytes."""
        ...

    @property
    def label_column(self) -> str | None:
        """Labels."""
        ...

    @property
    def true_label_column(self) -> str | None:
        """True labels, to measure against."""
        ...


def import_source(workspace: Workspace, request: SourceRequest, execute: Execute) -> Project:
    """Return the project of this source, importing it unless it is there unchanged.

    Raises:
        IngestError: the source cannot be imported.
        DataError: a column was named, but there is no table.
        JobError: the import failed.
    """
    name = _project_name(request)
    found = [project for project in projects.list_projects(workspace) if project.name == name]
    if found:
        return found[0]
    clear_queue(workspace)
    plan = _plan(workspace, request, name)
    job = imports.start_import(workspace, ImportRequest(plan=plan), actor=ACTOR, any_path=True)
    result = execute(job).result
    if result is None:
        raise JobError(f"The import ended without a project; the log is job-{job.job_id}.log")
    return projects.get_project(workspace, int(str(result["project_id"])))


def recover(workspace: Workspace) -> None:
    """Give jobs back that a killed command left running. Only for who has the workspace alone.

    Raises:
        ConflictError: a worker runs on it; its jobs are not ours to stop.
    """
    if jobs.worker_status(workspace).alive:
        raise ConflictError(
            f"a worker runs on {workspace.settings.home}: stop the app there first (a minute after "
            "a crash it is forgotten), or choose another --out"
        )
    for process in leases.running_processes(workspace):
        leases.release(workspace, process.job_id, process.fence)


def clear_queue(workspace: Workspace, keep: set[int] | None = None) -> None:
    """Cancel what an earlier, stopped command with other settings left in the queue."""
    for job in jobs.list_jobs(workspace, active_only=True):
        if job.job_id not in (keep or set()):
            jobs.cancel(workspace, job.job_id, actor=ACTOR)


def finished_job(
    workspace: Workspace,
    project: Project,
    kind: JobKind,
    config: Any,
    execute: Execute,
    start: Callable[[], int],
) -> Job:
    """Return the job of an earlier command with this config, done or resumed, else a new one.

    `start` queues the new one and returns its id.

    Raises:
        JobError: the job failed.
    """
    wanted = json.loads(json.dumps(to_dict(config)))
    listed = jobs.list_jobs(workspace, project_id=project.project_id, limit=None)
    same = [job for job in listed if job.kind is kind and job.params.get("config") == wanted]
    by_state = {job.state: job for job in reversed(same)}
    if JobState.DONE in by_state:
        return by_state[JobState.DONE]
    waiting = by_state.get(JobState.QUEUED)
    clear_queue(workspace, keep=set() if waiting is None else {waiting.job_id})
    return execute(waiting or jobs.get_job(workspace, start()))


def _plan(workspace: Workspace, request: SourceRequest, name: str) -> ImportPlan:
    path = imports.resolve(workspace, request.source, any_path=True)
    report = inspection.inspect(request.source, workspace.settings.limits, path=path)
    chosen = {
        column: value
        for column in ("image_column", "label_column", "true_label_column")
        if (value := getattr(request, column)) is not None
    }
    if report.problem and not chosen:
        raise IngestError(report.problem)
    if chosen and not report.tables:
        raise DataError(
            f"{request.source.title} has no table, so it has no column {min(chosen.values())!r};"
            " leave the column options out"
        )
    return replace(report.plan, name=name, **chosen)


def _project_name(request: SourceRequest) -> str:
    """Name the source with a fingerprint, so that changed data are imported anew."""
    source = request.source
    columns = [request.image_column, request.label_column, request.true_label_column]
    what = [to_dict(source), columns, _fingerprint(Path(source.path)) if source.path else None]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    return f"{source.title[:100]} {digest[:12]}"


def _fingerprint(path: Path) -> list[Any]:
    """Size and time of every file: what changes when the data do, without reading them."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    stats = [(str(file.relative_to(path)), file.stat()) for file in files if file.exists()]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
