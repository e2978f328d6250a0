"""Queries on studies and their parts. The state of a study is that of its job."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import study_tables, tables
from turn_core.store.columns import seconds
from turn_core.types import JobState
from turn_core.types.studies import P, Study, StudyKind

_S, _P, _J = study_tables.Study, study_tables.StudyPart, tables.Job


def insert_study(session: Session, kind: StudyKind[P], **values: Any) -> int:
    """Add a study and return its id."""
    statement = insert(_S).values(kind=kind.name, summary={}, **values).returning(_S.id)
    return int(session.execute(statement).scalar_one())


def list_studies(session: Session, kind: StudyKind[P], project_id: int) -> list[Study[P]]:
    """Return the studies of a project of this kind with their parts, the newest first."""
    query = _select(kind).where(_S.project_id == project_id).order_by(_S.id.desc())
    return _records(session, kind, session.execute(query).all())


def get_study(session: Session, kind: StudyKind[P], project_id: int, study_id: int) -> Study[P]:
    """Return a study of the project.

    Raises:
        NotFoundError: the project has none of that kind and id.
    """
    query = _select(kind).where(_S.id == study_id, _S.project_id == project_id)
    found = _records(session, kind, session.execute(query).all())
    if not found:
        raise NotFoundError(
            f"project {project_id} has no {kind.name} {study_id}: it may have been deleted"
        )
    return found[0]


def of_job(session: Session, kind: StudyKind[P], job_id: int) -> Study[P]:
    """Return the study that a job computes.

    Raises:
        NotFoundError: it was deleted.
    """
    found = _records(session, kind, session.execute(_select(kind).where(_J.id == job_id)).all())
    if not found:
        raise NotFoundError(f"job {job_id} has no {kind.name}: it was deleted")
    return found[0]


def ids(session: Session, project_id: int | None = None) -> list[int]:
    """Return the ids of the studies of every kind, of one project or of all."""
    query = select(_S.id)
    if project_id is not None:
        query = query.where(_S.project_id == project_id)
    return list(session.execute(query).scalars())


def put_part(session: Session, study: Study[P], part: P) -> None:
    """Add a part, or replace what was there under its key."""
    keys = {"study_id": study.study_id, "key": part.key}
    session.execute(delete(_P).filter_by(**keys))
    found: dict[str, Any] = asdict(part)  # type: ignore[call-overload]
    session.execute(insert(_P).values(**keys, project_id=study.project_id, found=found))


def set_summary(session: Session, study_id: int, summary: Mapping[str, Any]) -> None:
    """Store what was used."""
    session.execute(update(_S).where(_S.id == study_id).values(summary=dict(summary)))


def delete_rows(session: Session, study_id: int) -> None:
    """Delete a study and its parts."""
    session.execute(delete(_P).where(_P.study_id == study_id))
    session.execute(delete(_S).where(_S.id == study_id))


def _select(kind: StudyKind[P]) -> Select[Any]:
    columns: tuple[Any, ...] = (_S, _J.state, _J.finished_at, _J.error)
    return select(*columns).join(_J, _J.id == _S.job_id).where(_S.kind == kind.name)


def _records(session: Session, kind: StudyKind[P], rows: Sequence[Row[Any]]) -> list[Study[P]]:
    parts: dict[int, list[P]] = {row[0].id: [] for row in rows}
    query = select(_P.study_id, _P.found).where(_P.study_id.in_(list(parts)))
    for study_id, found in session.execute(query):
        parts[study_id].append(kind.part.from_plain(found))
    return [_record(kind, row, parts[row[0].id]) for row in rows]


def _record(kind: StudyKind[P], found: Row[Any], parts: list[P]) -> Study[P]:
    row, state, finished_at, error = list(found)
    return Study(
        study_id=row.id,
        kind=kind,
        project_id=row.project_id,
        job_id=row.job_id,
        name=row.name,
        state=JobState(state),
        config=row.config,
        summary=row.summary,
        parts=tuple(sorted(parts, key=lambda part: part.place)),
        created_at=row.created_at / 1000,
        created_by=row.created_by,
        finished_at=seconds(finished_at),
        error=error,
    )
