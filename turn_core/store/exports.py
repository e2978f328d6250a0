"""Queries on exports. A row is made first, for its id; it is listed once its file is whole."""

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import tables
from turn_core.types import Export


def insert_export(
    session: Session, project_id: int, *, job_id: int | None, fmt: str, now: int, actor: str
) -> int:
    """Add an export without a file and return its id; the same job gets the same id again."""
    if job_id is not None:
        query = select(tables.Export.id).where(
            tables.Export.job_id == job_id, tables.Export.file_name.is_(None)
        )
        if (found := session.execute(query).scalar()) is not None:
            return int(found)
    row = {"project_id": project_id, "job_id": job_id, "format": fmt}
    row |= {"created_at": now, "created_by": actor}
    result = session.execute(insert(tables.Export).values(row).returning(tables.Export.id))
    return int(result.scalar_one())


def finish_export(session: Session, export_id: int, **values: Any) -> None:
    """Name the file: file_name, num_bytes, num_rows, labels_sha256, file_sha256."""
    session.execute(update(tables.Export).where(tables.Export.id == export_id).values(values))


def list_exports(session: Session, project_id: int) -> list[Export]:
    """Return the finished exports of a project, the newest first."""
    query = select(tables.Export).where(
        tables.Export.project_id == project_id, tables.Export.file_name.is_not(None)
    )
    rows = session.execute(query.order_by(tables.Export.id.desc())).scalars()
    return [_record(row) for row in rows]


def get_export(session: Session, project_id: int, export_id: int) -> Export:
    """Return a finished export of the project.

    Raises:
        NotFoundError: the project has none of that id.
    """
    query = select(tables.Export).where(
        tables.Export.id == export_id,
        tables.Export.project_id == project_id,
        tables.Export.file_name.is_not(None),
    )
    row = session.execute(query).scalar()
    if row is None:
        raise NotFoundError(f"project {project_id} has no finished export {export_id}")
    return _record(row)


def finished_by_job(session: Session, job_id: int) -> Export | None:
    """Return the finished export that a job made, None if it has not yet."""
    query = select(tables.Export).where(
        tables.Export.job_id == job_id, tables.Export.file_name.is_not(None)
    )
    row = session.execute(query).scalar()
    return None if row is None else _record(row)


def ids(session: Session, project_id: int | None = None) -> list[int]:
    """Return the ids of all exports, of one project or of all, unfinished ones too."""
    query = select(tables.Export.id)
    if project_id is not None:
        query = query.where(tables.Export.project_id == project_id)
    return list(session.execute(query).scalars())


def _record(row: tables.Export) -> Export:
    return Export(
        export_id=row.id,
        project_id=row.project_id,
        format=row.format,
        file_name=row.file_name or "",
        num_bytes=row.num_bytes or 0,
        num_rows=row.num_rows or 0,
        labels_sha256=row.labels_sha256 or "",
        file_sha256=row.file_sha256 or "",
        created_at=row.created_at / 1000,
        created_by=row.created_by,
    )
