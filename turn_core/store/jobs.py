"""Queries on jobs and workers. Every change names the fence under which it was claimed."""

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import tables
from turn_core.store.columns import plain_json, seconds
from turn_core.types import Job, JobKind, JobState, Progress

ACTIVE = (JobState.QUEUED, JobState.RUNNING)
_FREE = {"owner": None, "lease_until": None, "pid": None, "pid_start": None, "boot_id": None}


def payload_sha256(kind: str, params: Mapping[str, Any], project_id: int | None) -> str:
    """Return the hash by which a repeated submission is told from a different one."""
    plain = [kind, plain_json(dict(params)), project_id]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def insert_job(session: Session, **values: Any) -> int:
    """Add a queued job and return its id."""
    row: dict[str, Any] = {"state": JobState.QUEUED, "attempt": 0, "fence": 0} | values
    row["cancel_requested"] = False
    row["payload_sha256"] = payload_sha256(row["kind"], row["params"], row["project_id"])
    result = session.execute(insert(tables.Job).values(row).returning(tables.Job.id))
    return int(result.scalar_one())


def find(session: Session, **columns: Any) -> tables.Job | None:
    """Return the newest job whose columns have these values."""
    query = select(tables.Job).filter_by(**columns).order_by(tables.Job.id.desc()).limit(1)
    return session.execute(query).scalar()


def find_active(session: Session, dedupe_key: str) -> tables.Job | None:
    """Return the job that is queued or runs under this key."""
    query = select(tables.Job).where(
        tables.Job.dedupe_key == dedupe_key, tables.Job.state.in_(ACTIVE)
    )
    return session.execute(query).scalar()


def get_job(session: Session, job_id: int) -> Job:
    """Return a job.

    Raises:
        NotFoundError: there is none.
    """
    return record(get_row(session, job_id))


def get_row(session: Session, job_id: int, *, lock: bool = False) -> tables.Job:
    """Return the row of a job; `lock` keeps others from changing it until the end."""
    query = select(tables.Job).where(tables.Job.id == job_id)
    row = session.execute(query.with_for_update(key_share=True) if lock else query).scalar()
    if row is None:
        raise NotFoundError(f"there is no job {job_id}: its project may have been deleted")
    return row


def list_jobs(
    session: Session, *, project_id: int | None, active_only: bool, limit: int | None
) -> list[Job]:
    """Return jobs, the newest first."""
    query = select(tables.Job).order_by(tables.Job.id.desc()).limit(limit)
    if project_id is not None:
        query = query.where(tables.Job.project_id == project_id)
    if active_only:
        query = query.where(tables.Job.state.in_(ACTIVE))
    return [record(row) for row in session.execute(query).scalars()]


def active_rows(session: Session, project_id: int) -> list[tables.Job]:
    """Return the rows of the project's jobs that are queued or run, locked until the end."""
    query = select(tables.Job).where(
        tables.Job.project_id == project_id, tables.Job.state.in_(ACTIVE)
    )
    return list(session.execute(query.with_for_update(key_share=True)).scalars())


def count_active(session: Session, kind: JobKind) -> int:
    """Return how many jobs of the kind are queued or run, in all projects."""
    query = select(func.count()).where(tables.Job.kind == kind, tables.Job.state.in_(ACTIVE))
    return int(session.execute(query).scalar_one())


def next_queued(session: Session, kinds: Collection[JobKind]) -> tables.Job | None:
    """Return the oldest queued job of these kinds, which no other worker is taking."""
    query = (
        select(tables.Job)
        .where(tables.Job.state == JobState.QUEUED, tables.Job.kind.in_(kinds))
        .order_by(tables.Job.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return session.execute(query).scalar()


def expired(session: Session, now: int) -> list[tables.Job]:
    """Return running jobs whose lease is over."""
    query = select(tables.Job).where(
        tables.Job.state == JobState.RUNNING, tables.Job.lease_until < now
    )
    return list(session.execute(query.with_for_update(skip_locked=True, key_share=True)).scalars())


def running(session: Session) -> list[tables.Job]:
    """Return the rows of all running jobs."""
    query = select(tables.Job).where(tables.Job.state == JobState.RUNNING).order_by(tables.Job.id)
    return list(session.execute(query).scalars())


def set_running(session: Session, job: tables.Job, *, owner: str, now: int, lease: int) -> int:
    """Give a queued job to a worker and return the new fence."""
    fence = job.fence + 1
    values = {"state": JobState.RUNNING, "owner": owner, "lease_until": now + lease}
    values |= {"heartbeat_at": now, "fence": fence, "attempt": job.attempt + 1, "error": None}
    values |= {"started_at": job.started_at or now}
    session.execute(update(tables.Job).where(tables.Job.id == job.id).values(values))
    return fence


def requeue(session: Session, job: tables.Job, *, attempt: int) -> None:
    """Put a running job back into the queue."""
    values = _FREE | {"state": JobState.QUEUED, "attempt": attempt, "fence": job.fence + 1}
    session.execute(update(tables.Job).where(tables.Job.id == job.id).values(values))


def update_running(session: Session, job_id: int, fence: int, values: dict[str, Any]) -> bool:
    """Change a job that still runs under this fence; return whether it did."""
    done = session.execute(
        update(tables.Job)
        .where(tables.Job.id == job_id, tables.Job.state == JobState.RUNNING)
        .where(tables.Job.fence == fence)
        .values(values)
        .returning(tables.Job.id)
    )
    return done.scalar() is not None


def end(session: Session, job_id: int, *, state: JobState, now: int, **values: Any) -> None:
    """Give a job its final state."""
    row = _FREE | {"state": state, "finished_at": now} | values
    session.execute(update(tables.Job).where(tables.Job.id == job_id).values(row))


def request_cancel(session: Session, job_id: int) -> None:
    """Ask a running job to stop."""
    session.execute(update(tables.Job).where(tables.Job.id == job_id).values(cancel_requested=True))


def beat_worker(session: Session, owner: str, now: int) -> None:
    """Note that a worker lives."""
    table = tables.Worker
    alive = update(table).where(table.owner == owner).values(heartbeat_at=now)
    if session.execute(alive.returning(table.owner)).scalar() is None:
        session.execute(insert(table).values(owner=owner, started_at=now, heartbeat_at=now))


def forget_workers(session: Session, *, owner: str | None = None, before: int = 0) -> None:
    """Forget a worker that says goodbye, and those not heard of since `before`."""
    table = tables.Worker
    session.execute(delete(table).where(or_(table.owner == owner, table.heartbeat_at < before)))


def workers_seen(session: Session, since: int) -> tuple[int, int | None]:
    """Return how many workers were heard of since then, and when the last one was."""
    table = tables.Worker
    query = select(func.count().filter(table.heartbeat_at >= since), func.max(table.heartbeat_at))
    count, last = session.execute(query).one()
    return int(count), last


def progress_json(progress: Progress) -> dict[str, Any]:
    """Return a progress record as plain values."""
    plain: dict[str, Any] = plain_json(asdict(progress))
    return plain


def _progress(plain: dict[str, Any] | None) -> Progress:
    if not plain:
        return Progress()
    curves = plain.pop("curves", {})
    return Progress(**plain, curves={name: _points(points) for name, points in curves.items()})


def _points(points: list[list[float | None]]) -> tuple[tuple[float, float], ...]:
    return tuple((_number(x), _number(y)) for x, y in points)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def record(row: tables.Job) -> Job:
    """Return the row as a record."""
    return Job(
        job_id=row.id,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        project_id=row.project_id,
        progress=_progress(dict(row.progress or {})),
        params=row.params,
        result=row.result,
        error=row.error,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        cancel_requested=row.cancel_requested,
        created_at=row.created_at / 1000,
        created_by=row.created_by,
        started_at=seconds(row.started_at),
        finished_at=seconds(row.finished_at),
    )


def set_project(session: Session, job_id: int, project_id: int) -> None:
    """Note which project an import job made."""
    session.execute(update(tables.Job).where(tables.Job.id == job_id).values(project_id=project_id))
