"""The ledger as people look through it: filtered, counted, page by page."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from turn_core.store import tables
from turn_core.store.events import record, select_events
from turn_core.types import LabelEvent

_E = tables.LabelEvent


class Wanted(NamedTuple):
    """What is looked for; None and an empty text look for all."""

    actor: str = ""
    action: str = ""
    queue: str = ""
    bulk: bool | None = None
    run_id: int | None = None


def page(
    session: Session, project_id: int, wanted: Wanted, *, before: int | None, limit: int
) -> list[LabelEvent]:
    """Return the newest events, the newest first, before the event of id `before`."""
    query = select_events(project_id).where(*_holds(wanted)).order_by(_E.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_E.id < before)
    return [record(row) for row in session.execute(query)]


def following(
    session: Session, project_id: int, wanted: Wanted, *, after: int, limit: int
) -> list[LabelEvent]:
    """Return the oldest events after the event of id `after`, the oldest first."""
    query = select_events(project_id).where(*_holds(wanted), _E.id > after)
    return [record(row) for row in session.execute(query.order_by(_E.id).limit(limit))]


def count(session: Session, project_id: int, wanted: Wanted) -> int:
    """Return how many events there are."""
    query = select(func.count()).select_from(_E)
    query = query.where(_E.project_id == project_id, *_holds(wanted))
    return session.execute(query).scalar_one()


def names(session: Session, project_id: int) -> tuple[list[str], list[str]]:
    """Return the people and the queues that the ledger names, each in order."""

    def all_of(column: ColumnElement[str]) -> list[str]:
        query = select(column).where(_E.project_id == project_id).distinct().order_by(column)
        return list(session.execute(query).scalars())

    return all_of(_E.actor.expression), all_of(_E.queue.expression)


def _holds(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.actor:
        found.append(_E.actor == wanted.actor)
    if wanted.action:
        found.append(_E.action == wanted.action)
    if wanted.queue:
        found.append(_E.queue == wanted.queue)
    if wanted.bulk is not None:
        found.append(_E.bulk.is_(wanted.bulk))
    if wanted.run_id is not None:
        found.append(_E.run_id == wanted.run_id)
    return found
