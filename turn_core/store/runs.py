"""Queries on runs (training rounds)."""

from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import tables
from turn_core.store.columns import seconds
from turn_core.types import Run

UNFINISHED = ("queued", "running")


def insert_run(session: Session, **values: Any) -> int:
    """Add a queued run with the next number of its project and return its id."""
    last = session.execute(
        select(func.max(tables.Run.number)).where(tables.Run.project_id == values["project_id"])
    ).scalar()
    row = {"number": (last or 0) + 1, "state": "queued", "environment": {}, "metrics": {}} | values
    result = session.execute(insert(tables.Run).values(row).returning(tables.Run.id))
    return int(result.scalar_one())


def get_run(session: Session, project_id: int, run_id: int) -> Run:
    """Return a run of the project.

    Raises:
        NotFoundError: the project has no such run.
    """
    query = select(tables.Run).where(tables.Run.id == run_id, tables.Run.project_id == project_id)
    row = session.execute(query).scalar()
    if row is None:
        raise NotFoundError(f"project {project_id} has no run {run_id}: look at its list of runs")
    return record(row)


def lock_with_job(session: Session, run_id: int) -> tables.Run:
    """Return the row of a run; nobody else changes it or its job until the transaction ends.

    Raises:
        NotFoundError: there is none.
    """
    # First the job, then the run, as all others do: two in opposite order would deadlock.
    job = select(tables.Job.id).join(tables.Run, tables.Run.job_id == tables.Job.id)
    session.execute(
        job.where(tables.Run.id == run_id).with_for_update(of=tables.Job, key_share=True)
    )
    query = select(tables.Run).where(tables.Run.id == run_id).with_for_update(key_share=True)
    row = session.execute(query).scalar()
    if row is None:
        raise NotFoundError(f"there is no run {run_id}: its project may have been deleted")
    return row


def run_of_job(session: Session, job_id: int) -> Run:
    """Return the run that a train job computes.

    Raises:
        NotFoundError: the job has none.
    """
    row = session.execute(select(tables.Run).where(tables.Run.job_id == job_id)).scalar()
    if row is None:
        raise NotFoundError(f"job {job_id} has no run")
    return record(row)


def list_runs(session: Session, project_id: int) -> list[Run]:
    """Return the runs of a project, the newest first."""
    query = select(tables.Run).where(tables.Run.project_id == project_id)
    return [
        record(row) for row in session.execute(query.order_by(tables.Run.number.desc())).scalars()
    ]


def latest_complete_run(session: Session, project_id: int) -> Run | None:
    """Return the newest run that has scores."""
    query = (
        select(tables.Run)
        .where(tables.Run.project_id == project_id, tables.Run.state == "complete")
        .order_by(tables.Run.number.desc())
        .limit(1)
    )
    row = session.execute(query).scalar()
    return None if row is None else record(row)


def ids_in_use(session: Session) -> list[int]:
    """Return the ids of the runs, of all projects, whose files are needed."""
    states = (*UNFINISHED, "complete")
    return list(
        session.execute(select(tables.Run.id).where(tables.Run.state.in_(states))).scalars()
    )


def cache_keys(session: Session) -> set[str]:
    """Return the names of the pixel and feature files that complete runs were computed from."""
    query = select(tables.Run.environment).where(tables.Run.state == "complete")
    environments = session.execute(query).scalars().all()
    return {str(e.get(name)) for e in environments for name in ("pixels_key", "features_key")}


def label_rev(session: Session, run_id: int) -> int:
    """Return the label revision that the run read."""
    return int(
        session.execute(select(tables.Run.label_rev).where(tables.Run.id == run_id)).scalar_one()
    )


def update_run(session: Session, run_id: int, **values: Any) -> None:
    """Change columns of a run."""
    session.execute(update(tables.Run).where(tables.Run.id == run_id).values(values))


def follow_job(
    session: Session, job_id: int, state: str, *, now: int, error: str | None = None
) -> None:
    """Give the unfinished run of a job the state that its job has now."""
    values: dict[str, Any] = {"state": state, "error": error}
    if state not in UNFINISHED:
        values["finished_at"] = now
    session.execute(
        update(tables.Run)
        .where(tables.Run.job_id == job_id, tables.Run.state.in_(UNFINISHED))
        .values(values)
    )


def record(row: tables.Run) -> Run:
    """Return the row as a record."""
    return Run(
        run_id=row.id,
        project_id=row.project_id,
        job_id=row.job_id,
        number=row.number,
        state=row.state,
        method=row.method,
        backbone=row.backbone,
        seed=row.seed,
        config=row.config,
        environment=row.environment,
        metrics=row.metrics,
        num_samples=row.num_samples,
        created_at=row.created_at / 1000,
        finished_at=seconds(row.finished_at),
        error=row.error,
    )
