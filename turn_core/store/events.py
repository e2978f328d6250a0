"""Queries on the ledger of decisions: append and read, never change."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, exists, insert, select, update
from sqlalchemy.orm import Session, aliased

from turn_core.store import tables
from turn_core.types import Action, LabelEvent, Sample

_E, _S = tables.LabelEvent, tables.Sample
_COLUMNS: tuple[Any, ...] = (
    _E.id,
    _E.sample_id,
    _S.file_name,
    _E.seq,
    _E.action,
    _E.class_id,
    _E.prev_class_id,
    _E.actor,
    _E.at,
    _E.seconds_spent,
    _E.run_id,
    _E.bulk,
    _E.queue,
)


def _select_events(project_id: int) -> Select[*tuple[Any, ...]]:
    query = select(*_COLUMNS).select_from(_E).join(_S, _S.id == _E.sample_id)
    return query.where(_E.project_id == project_id)


def _record(row: Any) -> LabelEvent:
    values = list(row)
    values[4], values[8] = Action(row[4]), row[8] / 1000
    return LabelEvent(*values)


def history(session: Session, project_id: int, sample_id: int) -> list[LabelEvent]:
    """Return the events of a sample, the first one first."""
    query = _select_events(project_id).where(_E.sample_id == sample_id).order_by(_E.seq)
    return [_record(row) for row in session.execute(query)]


def ledger(session: Session, project_id: int, *, after: int | None, limit: int) -> list[LabelEvent]:
    """Return the events of a project in order, after the event of id `after`."""
    query = _select_events(project_id).order_by(_E.id).limit(limit)
    if after is not None:
        query = query.where(_E.id > after)
    return [_record(row) for row in session.execute(query)]


def latest(
    session: Session, project_id: int, *, before: int | None, limit: int
) -> list[LabelEvent]:
    """Return the newest events of a project, the newest first, before the event `before`."""
    query = _select_events(project_id).order_by(_E.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_E.id < before)
    return [_record(row) for row in session.execute(query)]


def by_keys(session: Session, keys: Iterable[str]) -> dict[str, tables.LabelEvent]:
    """Return the events that these idempotency keys made, by key."""
    query = select(_E).where(_E.idem_key.in_(list(keys)))
    return {event.idem_key: event for event in session.execute(query).scalars()}


def last_standing(session: Session, sample_id: int) -> tables.LabelEvent | None:
    """Return the sample's last decision that is not undone."""
    undo = aliased(_E)
    query = (
        select(_E)
        .where(_E.sample_id == sample_id, _E.action != Action.UNDO)
        .where(~exists().where(undo.undoes == _E.id))
        .order_by(_E.seq.desc())
        .limit(1)
    )
    return session.execute(query).scalar()


def head(session: Session, sample_id: int) -> tables.LabelEvent | None:
    """Return the last event of a sample, whatever it is."""
    query = select(_E).where(_E.sample_id == sample_id).order_by(_E.seq.desc()).limit(1)
    return session.execute(query).scalar()


def append(session: Session, seen: Sample, values: dict[str, Any]) -> tables.LabelEvent | None:
    """Append an event after the version `seen` and move the sample along.

    Returns None, and changes nothing, if the sample has another version by now.
    """
    seq = seen.version + 1
    moved = session.execute(
        update(_S)
        .where(_S.id == seen.sample_id, _S.version == seen.version)
        .values(version=seq, current_class_id=values["class_id"], status=values["status"])
        .returning(_S.id)
        .execution_options(synchronize_session=False)
    )
    if moved.scalar() is None:
        return None
    before = {"prev_class_id": seen.current_class_id, "prev_status": seen.status}
    row = {"sample_id": seen.sample_id, "seq": seq, **before, **values}
    return session.execute(insert(_E).values(row).returning(_E)).scalar_one()
