"""Queries on the ledger of decisions: append and read, never change."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from turn_core.store import tables
from turn_core.store.columns import Base
from turn_core.types import Action, LabelEvent, ReviewStatus, Sample

_E, _S = tables.LabelEvent, tables.Sample
# Built once, without the ORM: a bulk decision runs these two hundreds of times.
_APPEND = insert(Base.metadata.tables["label_event"])
_SAMPLE = Base.metadata.tables["sample"]
_MOVE = (
    update(_SAMPLE)
    .where(_SAMPLE.c.id == bindparam("sample_id"), _SAMPLE.c.version == bindparam("seen"))
    .values(
        version=bindparam("seq"), current_class_id=bindparam("class_id"), status=bindparam("status")
    )
)
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
    _E.batch_key,
    _E.vote_id,
)


def select_events(project_id: int) -> Select[*tuple[Any, ...]]:
    """Return a query of a project's events whose rows `record` reads."""
    query = select(*_COLUMNS).select_from(_E).join(_S, _S.id == _E.sample_id)
    return query.where(_E.project_id == project_id)


def record(row: Any) -> LabelEvent:
    """Return the event of a row of `select_events`."""
    values = list(row)
    values[4], values[8] = Action(row[4]), row[8] / 1000
    return LabelEvent(*values)


def history(session: Session, project_id: int, sample_id: int) -> list[LabelEvent]:
    """Return the events of a sample, the first one first."""
    query = select_events(project_id).where(_E.sample_id == sample_id).order_by(_E.seq)
    return [record(row) for row in session.execute(query)]


def own_decisions(session: Session, project_id: int) -> list[LabelEvent]:
    """Return the decisions that stand and that one person made, in order; agreements are not."""
    undo = aliased(_E)
    query = select_events(project_id).where(_E.action != Action.UNDO, _E.vote_id.is_(None))
    query = query.where(~exists().where(undo.undoes == _E.id)).order_by(_E.id)
    return [record(row) for row in session.execute(query)]


def ledger(session: Session, project_id: int, *, after: int | None, limit: int) -> list[LabelEvent]:
    """Return the events of a project in order, after the event of id `after`."""
    query = select_events(project_id).order_by(_E.id).limit(limit)
    if after is not None:
        query = query.where(_E.id > after)
    return [record(row) for row in session.execute(query)]


def latest(
    session: Session, project_id: int, *, before: int | None, limit: int
) -> list[LabelEvent]:
    """Return the newest events of a project, the newest first, before the event `before`."""
    query = select_events(project_id).order_by(_E.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_E.id < before)
    return [record(row) for row in session.execute(query)]


class Applied(NamedTuple):
    """What an event made of its sample, and the hash of the request that led to it."""

    payload_sha256: str
    seq: int
    status: ReviewStatus
    class_id: int | None


def by_keys(session: Session, keys: Iterable[str]) -> dict[str, Applied]:
    """Return what the events of these idempotency keys did, by key."""
    query = select(_E.idem_key, _E.payload_sha256, _E.seq, _E.status, _E.class_id)
    rows = session.execute(query.where(_E.idem_key.in_(list(keys))))
    return {key: Applied(sha, seq, ReviewStatus(s), c) for key, sha, seq, s, c in rows}


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


def last_standing_ids(session: Session, sample_ids: Iterable[int]) -> dict[int, int]:
    """Return the id of the last decision that is not undone, by sample."""
    undo = aliased(_E)
    query = (
        select(_E.sample_id, func.max(_E.id))
        .where(_E.sample_id.in_(list(sample_ids)), _E.action != Action.UNDO)
        .where(~exists().where(undo.undoes == _E.id))
        .group_by(_E.sample_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def agreed_ids(session: Session, sample_ids: Iterable[int]) -> set[int]:
    """Return those of the samples whose last decision that is not undone is an agreement."""
    ids = last_standing_ids(session, sample_ids).values()
    query = select(_E.sample_id).where(_E.id.in_(list(ids)), _E.vote_id.is_not(None))
    return set(session.execute(query).scalars())


def standing_seqs(session: Session, sample_ids: Iterable[int]) -> dict[int, int]:
    """Return the number of the last decision that is not undone, by sample."""
    undo = aliased(_E)
    query = (
        select(_E.sample_id, func.max(_E.seq))
        .where(_E.sample_id.in_(list(sample_ids)), _E.action != Action.UNDO)
        .where(~exists().where(undo.undoes == _E.id))
        .group_by(_E.sample_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def of_batch(session: Session, project_id: int, batch_key: str) -> list[tables.LabelEvent]:
    """Return the events of a batch in their order."""
    query = select(_E).where(_E.project_id == project_id, _E.batch_key == batch_key)
    return list(session.execute(query.order_by(_E.id)).scalars())


def by_ids(session: Session, event_ids: Iterable[int]) -> list[tables.LabelEvent]:
    """Return these events in their order."""
    query = select(_E).where(_E.id.in_(list(event_ids))).order_by(_E.id)
    return list(session.execute(query).scalars())


def head(session: Session, sample_id: int) -> tables.LabelEvent | None:
    """Return the last event of a sample, whatever it is."""
    query = select(_E).where(_E.sample_id == sample_id).order_by(_E.seq.desc()).limit(1)
    return session.execute(query).scalar()


def append(session: Session, seen: Sample, values: dict[str, Any]) -> bool:
    """Append an event after the version `seen` and move the sample along.

    Returns False, and changes nothing, if the sample has another version by now.
    """
    seq = seen.version + 1
    after = {"class_id": values["class_id"], "status": values["status"]}
    moved = session.connection().execute(
        _MOVE, {"sample_id": seen.sample_id, "seen": seen.version, "seq": seq, **after}
    )
    if moved.rowcount != 1:
        return False
    before = {"prev_class_id": seen.current_class_id, "prev_status": seen.status.value}
    unset = {"undoes": None, "vote_id": None}
    row = {"sample_id": seen.sample_id, "seq": seq, **unset, **before, **values}
    session.connection().execute(_APPEND, row)
    return True
