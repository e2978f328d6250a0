"""Queries on samples and given labels."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, Select, func, insert, select
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import tables
from turn_core.store.columns import Base
from turn_core.types import ReviewStatus, Sample, SampleState

_S, _G, _SCORE = tables.Sample, tables.GivenLabel, tables.Score
# Inserted without the ORM, which takes twice as long for many rows.
CHUNK = 5000
"""Ids in one query: PostgreSQL takes 65,535 parameters, SQLite 250,000."""
_SAMPLE, _GIVEN = Base.metadata.tables["sample"], Base.metadata.tables["given_label"]
COLUMNS: tuple[Any, ...] = (
    _S.id,
    _S.file_name,
    _S.sha256,
    _S.width,
    _S.height,
    _S.state,
    _S.status,
    _S.version,
    _G.class_id,
    _S.current_class_id,
    _S.true_class_id,
)
"""What `record` takes, in its order; a clean probability may follow."""

SNAPSHOT_COLUMNS: tuple[Any, ...] = (
    _S.id,
    _S.sha256,
    _S.file_name,
    _S.state,
    _S.status,
    _G.class_id,
    _S.current_class_id,
    _S.true_class_id,
    _S.split,
    _G.raw,
)


def record(row: Sequence[Any]) -> Sample:
    """Return a row of `COLUMNS` as a record."""
    values: list[Any] = list(row)
    values[5], values[6] = SampleState(row[5]), ReviewStatus(row[6])
    return Sample(*values)


def select_samples(*more: Any) -> Select[Any]:
    """Return a query of `COLUMNS` and more."""
    return select(*COLUMNS, *more).select_from(_S).outerjoin(_G, _G.sample_id == _S.id)


def insert_samples(
    session: Session, project_id: int, rows: Sequence[dict[str, Any]], *, chunk: int = 5000
) -> None:
    """Add samples with their given labels. `rows` hold columns of both tables.

    A row without `raw` (None) gets no given label.
    """
    last = 0
    for start in range(0, len(rows), chunk):
        part = rows[start : start + chunk]
        session.connection().execute(insert(_SAMPLE), [_sample_row(project_id, r) for r in part])
        ids = _ids_after(session, project_id, last)
        labels = [_label_row(project_id, i, r) for i, r in zip(ids, part) if r["raw"] is not None]
        if labels:
            session.connection().execute(insert(_GIVEN), labels)
        last = ids[-1]


def _sample_row(project_id: int, row: dict[str, Any]) -> dict[str, Any]:
    names = ("file_name", "sha256", "width", "height", "state", "true_class_id", "split")
    fresh = {"project_id": project_id, "status": ReviewStatus.PENDING.value, "version": 0}
    return fresh | {name: row[name] for name in names} | {"current_class_id": row["class_id"]}


def _label_row(project_id: int, sample_id: int, row: dict[str, Any]) -> dict[str, Any]:
    names = ("class_id", "raw", "row_ref")
    return {"sample_id": sample_id, "project_id": project_id} | {n: row[n] for n in names}


def _ids_after(session: Session, project_id: int, last: int) -> list[int]:
    # Ids rise in the order of insertion within a connection, on both engines.
    query = select(_S.id).where(_S.project_id == project_id, _S.id > last).order_by(_S.id)
    return list(session.execute(query).scalars())


def get_sample(session: Session, project_id: int, sample_id: int) -> Sample:
    """Return a sample of the project.

    Raises:
        NotFoundError: the project has no such sample.
    """
    query = select_samples().where(_S.id == sample_id, _S.project_id == project_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFoundError(f"project {project_id} has no sample {sample_id}")
    return record(row)


def by_ids(session: Session, project_id: int, sample_ids: Iterable[int]) -> dict[int, Sample]:
    """Return those of the samples that belong to the project."""
    query = select_samples().where(_S.project_id == project_id, _S.id.in_(list(sample_ids)))
    return {row[0]: record(row) for row in session.execute(query)}


def brief(
    session: Session, project_id: int, sample_ids: Iterable[int]
) -> dict[int, tuple[str, int | None]]:
    """Return (sha256, current class id) of samples, by id."""
    # `+ 0` keeps an index of the project out: SQLite would walk through all of its samples.
    query = select(_S.id, _S.sha256, _S.current_class_id)
    query = query.where(_S.project_id + 0 == project_id, _S.id.in_(list(sample_ids)))
    return {row[0]: (row[1], row[2]) for row in session.execute(query)}


def count(
    session: Session, project_id: int, conditions: Sequence[Any], *, run_id: int | None = None
) -> int:
    """Return how many samples of the project meet the conditions (and the run has scored)."""
    query = select(func.count()).select_from(_S).where(_S.project_id == project_id, *conditions)
    if run_id is not None:
        query = query.join(_SCORE, _SCORE.sample_id == _S.id).where(_SCORE.run_id == run_id)
    return int(session.execute(query).scalar_one())


def conditions(
    *, class_id: int | None, status: ReviewStatus | None, state: SampleState | None, text: str
) -> list[Any]:
    """Return what a browse asks for; `text` is a part of the file name, in any case."""
    found: list[Any] = []
    if class_id is not None:
        found.append(_S.current_class_id == class_id)
    if status is not None:
        found.append(_S.status == status)
    if state is not None:
        found.append(_S.state == state)
    if text:
        found.append(_S.file_name.icontains(text, autoescape=True))
    return found


def page_by_name(
    session: Session,
    project_id: int,
    conditions: Sequence[Any],
    *,
    run_id: int | None,
    after: int | None,
    limit: int,
) -> list[Sample]:
    """Return samples in the order of their file names, after the sample of id `after`."""
    query = select_samples() if run_id is None else select_samples(_SCORE.clean_probability)
    if run_id is not None:
        scored = (_SCORE.run_id == run_id) & (_SCORE.sample_id == _S.id)
        query = query.outerjoin(_SCORE, scored)
    query = query.where(_S.project_id == project_id, *conditions)
    if after is not None:
        last = select(_S.file_name).where(_S.project_id == project_id, _S.id == after)
        query = query.where(_S.file_name > last.scalar_subquery())
    rows = session.execute(query.order_by(_S.file_name).limit(limit))
    return [record(row) for row in rows]


def page_by_rank(
    session: Session,
    project_id: int,
    conditions: Sequence[Any],
    *,
    run_id: int,
    after: int | None,
    limit: int,
) -> list[tuple[int, Sample]]:
    """Return (rank, sample) of scored samples, the most suspicious first, after a rank."""
    query = (
        select(_SCORE.rank, *COLUMNS, _SCORE.clean_probability)
        .select_from(_SCORE)
        .join(_S, _S.id == _SCORE.sample_id)
        .outerjoin(_G, _G.sample_id == _S.id)
        .where(_SCORE.run_id == run_id, _S.project_id == project_id, *conditions)
    )
    if after is not None:
        query = query.where(_SCORE.rank > after)
    rows = session.execute(query.order_by(_SCORE.rank).limit(limit))
    return [(row[0], record(row[1:])) for row in rows]


def snapshot_rows(session: Session, project_id: int) -> Sequence[Row[Any]]:
    """Return `SNAPSHOT_COLUMNS` of all samples in the order of their ids."""
    query = select(*SNAPSHOT_COLUMNS).select_from(_S).outerjoin(_G, _G.sample_id == _S.id)
    return session.execute(query.where(_S.project_id == project_id).order_by(_S.id)).all()


def status_counts(session: Session, project_id: int) -> dict[ReviewStatus, int]:
    """Return how many samples have each review status; all are named."""
    query = select(_S.status, func.count()).where(_S.project_id == project_id)
    found = {row[0]: row[1] for row in session.execute(query.group_by(_S.status))}
    return {status: found.get(status.value, 0) for status in ReviewStatus}


def state_counts(session: Session, project_id: int) -> dict[SampleState, int]:
    """Return how many samples are readable, unreadable, unlabelled; all are named."""
    query = select(_S.state, func.count()).where(_S.project_id == project_id)
    found = {row[0]: row[1] for row in session.execute(query.group_by(_S.state))}
    return {state: found.get(state.value, 0) for state in SampleState}


def usable_classes(session: Session, project_id: int) -> dict[int, int]:
    """Return how many samples a run could train on, by current class."""
    query = (
        select(_S.current_class_id, func.count())
        .where(_S.project_id == project_id, _S.current_class_id.is_not(None))
        .where(_S.state != SampleState.UNREADABLE, _S.status != ReviewStatus.EXCLUDED)
        .group_by(_S.current_class_id)
    )
    return {int(row[0]): int(row[1]) for row in session.execute(query) if row[0] is not None}


def sha256s(session: Session, project_id: int) -> set[str]:
    """Return the hashes of the project's images."""
    return set(session.execute(select(_S.sha256).where(_S.project_id == project_id)).scalars())


def still_used(session: Session, hashes: Iterable[str]) -> set[str]:
    """Return those of the hashes that a sample of any project has."""
    return set(session.execute(select(_S.sha256).where(_S.sha256.in_(list(hashes)))).scalars())


def split_sizes(session: Session, project_id: int) -> dict[str, int]:
    """Return how many samples each split of the project has; samples without one are left out."""
    query = select(_S.split, func.count()).where(_S.project_id == project_id).group_by(_S.split)
    return {name: count for name, count in session.execute(query) if name}


def chunks(sample_ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Cut ids into pieces that a query takes."""
    return (sample_ids[start : start + CHUNK] for start in range(0, len(sample_ids), CHUNK))
