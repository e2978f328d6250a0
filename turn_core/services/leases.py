"""The worker's side of jobs: claim, heartbeat, finish.

A claim raises the job's fence. Whatever a worker writes names its fence, so one that was thought
dead and wakes up again changes nothing. A job whose lease ran out goes back into the queue, or
fails once its attempts are used up.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from turn_core.errors import ConflictError
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import jobs as queries
from turn_core.store import runs as run_queries
from turn_core.store import tables
from turn_core.types import Job, JobKind, JobState, Progress

LEASE_SECONDS = 60.0
FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this worker runs; `fence` goes with all that it writes."""

    job: Job
    fence: int


class Heartbeat(NamedTuple):
    """What a worker hears back: whether the job is still its own, and whether to stop."""

    still_mine: bool
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class JobProcess:
    """The process of a running job. A pid alone may be somebody else's by now."""

    job_id: int
    fence: int
    owner: str
    pid: int | None
    pid_start: float | None
    boot_id: str | None


def claim(
    workspace: Workspace,
    owner: str,
    kinds: Collection[JobKind],
    lease_seconds: float = LEASE_SECONDS,
) -> ClaimedJob | None:
    """Take the oldest queued job of these kinds, after putting back those whose lease ran out."""

    def work(session: Session) -> ClaimedJob | None:
        engines.lock_files(session)
        now = engines.now_ms(session)
        _reap(session, now)
        row = queries.next_queued(session, kinds)
        if row is None:
            return None
        lease = int(lease_seconds * 1000)
        fence = queries.set_running(session, row, owner=owner, now=now, lease=lease)
        if row.kind == JobKind.TRAIN:
            run_queries.follow_job(session, row.id, "running", now=now)
        return ClaimedJob(fresh_job(session, row.id), fence)

    return workspace.write(work)


def heartbeat(
    workspace: Workspace,
    job_id: int,
    fence: int,
    progress: Progress | None = None,
    *,
    lease_seconds: float = LEASE_SECONDS,
) -> Heartbeat:
    """Prolong the lease, store the progress if given; hear whether to go on."""

    def work(session: Session) -> Heartbeat:
        now = engines.now_ms(session)
        values = {"heartbeat_at": now, "lease_until": now + int(lease_seconds * 1000)}
        if progress is not None:
            values["progress"] = queries.progress_json(progress)  # type: ignore[assignment]
        if not queries.update_running(session, job_id, fence, values):
            return Heartbeat(still_mine=False, cancel_requested=True)
        row = queries.get_row(session, job_id)
        return Heartbeat(still_mine=True, cancel_requested=row.cancel_requested)

    return workspace.write(work)


def record_process(
    workspace: Workspace, job_id: int, fence: int, *, pid: int, pid_start: float, boot_id: str
) -> bool:
    """Note which process runs the job, for finding orphans; False if the job was taken away."""
    values = {"pid": pid, "pid_start": pid_start, "boot_id": boot_id}
    return workspace.write(lambda s: queries.update_running(s, job_id, fence, values))


def running_processes(workspace: Workspace) -> list[JobProcess]:
    """Return the processes of all running jobs."""
    with workspace.reading() as session:
        return [
            JobProcess(r.id, r.fence, r.owner or "", r.pid, r.pid_start, r.boot_id)
            for r in queries.running(session)
        ]


def finish(
    workspace: Workspace,
    job_id: int,
    fence: int,
    *,
    state: JobState,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> bool:
    """End a job as done, failed or cancelled; its unfinished run ends with it.

    Returns False, and changes nothing, if the job is no longer this worker's.
    """
    if state not in FINAL:
        raise ValueError(f"a job ends as done, failed or cancelled, not as {state}")

    def work(session: Session) -> bool:
        row = queries.get_row(session, job_id, lock=True)
        if row.state != JobState.RUNNING or row.fence != fence:
            return False
        end_job(session, row, state, error=error, result=None if result is None else dict(result))
        return True

    return workspace.write(work)


def release(workspace: Workspace, job_id: int, fence: int) -> bool:
    """Put a job back into the queue because its worker stops; the attempt does not count."""

    def work(session: Session) -> bool:
        row = queries.get_row(session, job_id, lock=True)
        if row.state != JobState.RUNNING or row.fence != fence:
            return False
        _give_back(session, row, attempt=row.attempt - 1)
        return True

    return workspace.write(work)


def retry(workspace: Workspace, job_id: int, fence: int, *, error: str) -> bool:
    """Put a job back whose process died; the last attempt fails with `error` instead.

    Returns False, and changes nothing, if the job is no longer this worker's.
    """

    def work(session: Session) -> bool:
        row = queries.get_row(session, job_id, lock=True)
        if row.state != JobState.RUNNING or row.fence != fence:
            return False
        _put_back(session, row, error=error)
        return True

    return workspace.write(work)


def reap(workspace: Workspace) -> int:
    """Put back, fail or cancel the jobs whose lease ran out; return how many there were."""
    return workspace.write(lambda session: _reap(session, engines.now_ms(session)))


def _reap(session: Session, now: int) -> int:
    rows = queries.expired(session, now)
    for row in rows:
        _put_back(session, row, error="its worker stopped answering (killed, or out of memory)")
    return len(rows)


def _put_back(session: Session, row: tables.Job, *, error: str) -> None:
    if row.cancel_requested:
        end_job(
            session, row, JobState.CANCELLED, error="cancelled; its worker had stopped answering"
        )
    elif row.attempt >= row.max_attempts:
        told = f"given up after {row.attempt} attempts: {error}"
        end_job(session, row, JobState.FAILED, error=told)
    else:
        _give_back(session, row, attempt=row.attempt)


def _give_back(session: Session, row: tables.Job, *, attempt: int) -> None:
    kind, job_id = row.kind, row.id
    queries.requeue(session, row, attempt=attempt)
    if kind == JobKind.TRAIN:
        run_queries.follow_job(session, job_id, "queued", now=engines.now_ms(session))


def end_job(
    session: Session,
    row: tables.Job,
    state: JobState,
    *,
    error: str | None,
    result: dict[str, Any] | None = None,
) -> None:
    """Give a job its final state; an unfinished run ends with it. For other services."""
    now, job_id, kind = engines.now_ms(session), row.id, row.kind
    queries.end(session, job_id, state=state, now=now, error=error, result=result)
    if kind == JobKind.TRAIN and state != JobState.DONE:
        run_queries.follow_job(session, job_id, state.value, now=now, error=error)


def require_fence(session: Session, job_id: int, fence: int | None) -> None:
    """Let only the job's present worker go on, and keep it so until the end. For other services.

    Without a `fence` (what runs in the caller's own process) anybody may.

    Raises:
        ConflictError: another worker has the job, or it has ended.
    """
    job = queries.get_row(session, job_id, lock=True)
    if fence is not None and (job.state != JobState.RUNNING or job.fence != fence):
        raise ConflictError(f"job {job_id} was given to another worker: this one stops")


def fresh_job(session: Session, job_id: int) -> Job:
    """Return the job as the database has it now. For other services."""
    session.expire_all()
    return queries.get_job(session, job_id)
