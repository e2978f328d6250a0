"""Jobs: submit, watch, cancel; the worker's side (`leases`) can be had from here too."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from turn_core.errors import ConflictError
from turn_core.services import permissions
from turn_core.services.leases import (
    ClaimedJob,
    Heartbeat,
    JobProcess,
    claim,
    end_job,
    finish,
    fresh_job,
    heartbeat,
    reap,
    record_process,
    release,
    retry,
    running_processes,
)
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import jobs as queries
from turn_core.store import projects as project_queries
from turn_core.store import tables
from turn_core.types import Job, JobKind, JobState
from turn_core.types.reviewing import Role

__all__ = [
    "ClaimedJob",
    "Heartbeat",
    "JobProcess",
    "WorkerStatus",
    "beat_worker",
    "cancel",
    "claim",
    "finish",
    "forget_worker",
    "get_job",
    "heartbeat",
    "list_jobs",
    "reap",
    "record_process",
    "release",
    "retry",
    "running_processes",
    "submit",
    "submit_config",
    "submit_in",
    "worker_status",
]

MAX_ATTEMPTS = 3
WORKER_SILENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Whether any worker lives, and when one was last heard of."""

    alive: bool
    num_workers: int
    last_seen: float | None


def submit(
    workspace: Workspace,
    kind: JobKind,
    params: Mapping[str, Any],
    *,
    project_id: int | None = None,
    idem_key: str,
    dedupe_key: str | None = None,
    actor: str,
) -> Job:
    """Queue a job. The same `idem_key` again returns the job that it made.

    Raises:
        PermissionDeniedError: the actor may not start such a job: reviewers export, owners do all.
        NotFoundError: there is no such project.
        ConflictError: a job with this `dedupe_key` is active, or the `idem_key` was used for
            something else.
    """
    request: dict[str, Any] = {"kind": kind, "params": dict(params), "project_id": project_id}
    request |= {"idem_key": idem_key, "dedupe_key": dedupe_key}
    return workspace.write(lambda session: submit_in(session, actor=actor, **request))


def submit_in(session: Session, **request: Any) -> Job:
    """Do `submit` within a transaction of another service."""
    role = Role.REVIEWER if request["kind"] is JobKind.EXPORT else Role.OWNER
    permissions.require(session, request["actor"], role, request["project_id"])
    found = queries.find(session, idem_key=request["idem_key"])
    if found is not None:
        return _replayed(found, request)
    if request["project_id"] is not None:
        project_queries.lock_project(session, request["project_id"])
    dedupe_key = request["dedupe_key"]
    if dedupe_key is not None and (active := queries.find_active(session, dedupe_key)):
        raise ConflictError(
            f"job {active.id} ({active.kind}, started by {active.created_by}) is still "
            f"{active.state}: wait for it or cancel it first"
        )
    values = {**request, "created_by": request["actor"], "created_at": engines.now_ms(session)}
    del values["actor"]
    try:
        job_id = queries.insert_job(session, max_attempts=MAX_ATTEMPTS, **values)
    except IntegrityError as error:  # PostgreSQL: another transaction was a moment earlier
        raise ConflictError("the same job was started a moment ago: look at the list") from error
    return queries.get_job(session, job_id)


def submit_config(
    session: Session,
    kind: JobKind,
    project_id: int,
    config: Mapping[str, Any],
    *,
    dedupe_key: str,
    actor: str,
) -> Job:
    """Queue a job that computes something of a project by a config, within a transaction.

    Raises:
        PermissionDeniedError: the actor is no owner.
        ConflictError: a job with this `dedupe_key` is active.
    """
    return submit_in(
        session,
        kind=kind,
        params={"project_id": project_id, "config": dict(config)},
        project_id=project_id,
        idem_key=f"{kind}-{uuid.uuid4().hex}",
        dedupe_key=dedupe_key,
        actor=actor,
    )


def _replayed(found: tables.Job, request: Mapping[str, Any]) -> Job:
    sha = queries.payload_sha256(request["kind"], request["params"], request["project_id"])
    if found.payload_sha256 != sha:
        raise ConflictError(
            f"this key already started job {found.id} ({found.kind}) with other settings: "
            "reload the page and start it again"
        )
    return queries.record(found)


def get_job(workspace: Workspace, job_id: int) -> Job:
    """Return a job.

    Raises:
        NotFoundError: there is none.
    """
    with workspace.reading() as session:
        return queries.get_job(session, job_id)


def list_jobs(
    workspace: Workspace,
    *,
    project_id: int | None = None,
    active_only: bool = False,
    limit: int | None = 200,
) -> list[Job]:
    """Return jobs, the newest first; all of them where `limit` is None."""
    with workspace.reading() as session:
        return queries.list_jobs(
            session, project_id=project_id, active_only=active_only, limit=limit
        )


def cancel(workspace: Workspace, job_id: int, *, actor: str) -> Job:
    """Cancel a queued job at once, ask a running one to stop; a finished one stays as it is.

    Raises:
        PermissionDeniedError: the actor is no owner, and somebody else started the job.
        NotFoundError: there is no such job.
    """

    def work(session: Session) -> Job:
        row = queries.get_row(session, job_id, lock=True)
        if row.created_by != actor:
            permissions.require(session, actor, Role.OWNER, row.project_id)
        if row.state == JobState.QUEUED:
            end_job(
                session, row, JobState.CANCELLED, error=f"cancelled by {actor} before it started"
            )
        elif row.state == JobState.RUNNING:
            queries.request_cancel(session, job_id)
        return fresh_job(session, job_id)

    return workspace.write(work)


def beat_worker(workspace: Workspace, owner: str) -> None:
    """Note that the worker `owner` lives; call it every few seconds."""
    workspace.write(lambda session: queries.beat_worker(session, owner, engines.now_ms(session)))


def forget_worker(workspace: Workspace, owner: str) -> None:
    """Forget a worker that stops, and those silent for a day."""

    def work(session: Session) -> None:
        before = engines.now_ms(session) - 86_400_000
        queries.forget_workers(session, owner=owner, before=before)

    workspace.write(work)


def worker_status(workspace: Workspace) -> WorkerStatus:
    """Tell whether a worker was heard of in the last minute."""
    with workspace.reading() as session:
        since = engines.now_ms(session) - int(WORKER_SILENT_SECONDS * 1000)
        count, last = queries.workers_seen(session, since)
    return WorkerStatus(count > 0, count, None if last is None else last / 1000)
