"""Queries on tags: named sets of samples."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import tables, tag_tables
from turn_core.store.samples import chunks
from turn_core.types.exploring import Tag

_T, _ST, _S = tag_tables.Tag, tag_tables.SampleTag, tables.Sample


def list_tags(session: Session, project_id: int) -> list[Tag]:
    """Return the tags of a project in the order of their names, with their numbers of samples."""
    rows = session.execute(_select().where(_T.project_id == project_id).order_by(_T.name_key))
    return [_record(*row) for row in rows]


def get_tag(session: Session, project_id: int, tag_id: int) -> Tag:
    """Return a tag of the project.

    Raises:
        NotFoundError: the project has none of that id.
    """
    query = _select().where(_T.id == tag_id, _T.project_id == project_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFoundError(f"project {project_id} has no tag {tag_id}: it may have been deleted")
    return _record(*row)


def find(session: Session, project_id: int, name_key: str) -> int | None:
    """Return the id of the tag of this name, or of one that looks the same."""
    query = select(_T.id).where(_T.project_id == project_id, _T.name_key == name_key)
    return session.execute(query).scalar()


def insert_tag(session: Session, **values: Any) -> int:
    """Add a tag and return its id."""
    return int(session.execute(insert(_T).values(**values).returning(_T.id)).scalar_one())


def strangers(session: Session, project_id: int, sample_ids: Sequence[int]) -> list[int]:
    """Return those of the ids that are no samples of the project."""
    known: set[int] = set()
    for part in chunks(sample_ids):
        query = select(_S.id).where(_S.project_id == project_id, _S.id.in_(part))
        known.update(session.execute(query).scalars())
    return [sample_id for sample_id in sample_ids if sample_id not in known]


def add(session: Session, tag: Tag, sample_ids: Sequence[int], *, now: int, actor: str) -> None:
    """Give samples of the project the tag; those that have it keep their row."""
    known: set[int] = set()
    for part in chunks(sample_ids):
        query = select(_ST.sample_id).where(_ST.tag_id == tag.tag_id, _ST.sample_id.in_(part))
        known.update(session.execute(query).scalars())
    common: dict[str, Any] = {"tag_id": tag.tag_id, "project_id": tag.project_id}
    common |= {"added_at": now, "added_by": actor}
    fresh = [
        common | {"sample_id": sample_id} for sample_id in sample_ids if sample_id not in known
    ]
    if fresh:
        session.execute(insert(_ST), fresh)


def remove(session: Session, tag_id: int, sample_ids: Sequence[int]) -> None:
    """Take the tag from samples."""
    for part in chunks(sample_ids):
        session.execute(delete(_ST).where(_ST.tag_id == tag_id, _ST.sample_id.in_(part)))


def delete_tag(session: Session, tag_id: int) -> None:
    """Delete a tag; its samples stay."""
    session.execute(delete(_ST).where(_ST.tag_id == tag_id))
    session.execute(delete(_T).where(_T.id == tag_id))


def sample_ids(session: Session, tag_id: int) -> list[int]:
    """Return the ids of the samples that have the tag, rising."""
    query = select(_ST.sample_id).where(_ST.tag_id == tag_id).order_by(_ST.sample_id)
    return list(session.execute(query).scalars())


def _select() -> Any:
    count = select(func.count()).where(_ST.tag_id == _T.id).correlate(_T).scalar_subquery()
    return select(_T, count)


def _record(row: tag_tables.Tag, num_samples: int) -> Tag:
    return Tag(
        tag_id=row.id,
        project_id=row.project_id,
        name=row.name,
        num_samples=num_samples,
        created_at=row.created_at / 1000,
        created_by=row.created_by,
    )
