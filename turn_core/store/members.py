"""Queries on members and their roles."""

from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from turn_core.store import review_tables
from turn_core.types.reviewing import Member, Role

_M = review_tables.Member
_COLUMNS = (_M.id, _M.project_id, _M.name, _M.role, _M.added_at, _M.added_by)


def any_member(session: Session) -> bool:
    """Say whether there is any member."""
    return bool(session.execute(select(exists().where(_M.id.is_not(None)))).scalar_one())


def role(session: Session, name: str, project_id: int | None) -> Role | None:
    """Return the role of a person in the project, else everywhere."""
    here = or_(_M.project_id == project_id, _M.project_id.is_(None))
    query = select(_M.role).where(_M.name == name, here)
    found = session.execute(query.order_by(_M.project_id.is_(None)).limit(1)).scalar()
    return None if found is None else Role(found)


def projects_seen(session: Session, name: str) -> list[int] | None:
    """Return the projects in which a person has a role; None where they see all."""
    found = list(session.execute(select(_M.project_id).where(_M.name == name)).scalars())
    if None in found or (not found and not any_member(session)):
        return None
    return [project_id for project_id in found if project_id is not None]


def has_role(session: Session, name: str) -> bool:
    """Say whether a person has a role in any project, or everywhere."""
    return bool(session.execute(select(exists().where(_M.name == name))).scalar_one())


def list_members(session: Session, project_id: int | None) -> list[Member]:
    """Return the members of a project and those everywhere, or all, by project and name."""
    query = select(*_COLUMNS).order_by(_M.project_id.is_not(None), _M.project_id, _M.name)
    if project_id is not None:
        query = query.where(or_(_M.project_id == project_id, _M.project_id.is_(None)))
    return [_record(row) for row in session.execute(query)]


def get(session: Session, member_id: int) -> Member | None:
    """Return a member."""
    row = session.execute(select(*_COLUMNS).where(_M.id == member_id)).first()
    return None if row is None else _record(row)


def find(session: Session, name: str, project_id: int | None) -> Member:
    """Return the member of that name in a project, or everywhere; there must be one."""
    row = session.execute(select(*_COLUMNS).where(*_at(name, project_id))).one()
    return _record(row)


def put(
    session: Session, name: str, role: Role, *, project_id: int | None, now: int, actor: str
) -> None:
    """Give a person a role in a project, or everywhere."""
    values = {"role": role.value, "added_at": now, "added_by": actor}
    statement = update(_M).where(*_at(name, project_id)).values(values)
    if not session.connection().execute(statement).rowcount:
        session.execute(insert(_M), [{"project_id": project_id, "name": name, **values}])


def remove(session: Session, member_id: int) -> None:
    """Take a role away."""
    session.execute(delete(_M).where(_M.id == member_id))


def owners_everywhere(session: Session) -> int:
    """Return how many owners everywhere there are."""
    query = select(func.count()).where(_M.project_id.is_(None), _M.role == Role.OWNER)
    return int(session.execute(query).scalar_one())


def _at(name: str, project_id: int | None) -> tuple[ColumnElement[bool], ...]:
    where = _M.project_id.is_(None) if project_id is None else _M.project_id == project_id
    return (_M.name == name, where)


def _record(row: Any) -> Member:
    member_id, project_id, name, role, added_at, added_by = row
    return Member(member_id, project_id, name, Role(role), added_at / 1000, added_by)
