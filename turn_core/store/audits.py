"""Queries of the random audit: the draw, and how a project is reviewed."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from turn_core.store import tables
from turn_core.store.review_tables import AuditDraw, QueueOverlap, ReviewSetting
from turn_core.types import SampleState
from turn_core.types.review_settings import ReviewSettings
from turn_core.types.reviewing import QueueKind

_S = tables.Sample
_SETTINGS = ("audit_share", "audit_seed", "overlap", "blind")


def settings(session: Session, project_id: int) -> ReviewSettings:
    """Return how the project is reviewed."""
    columns = [getattr(ReviewSetting, name) for name in _SETTINGS]
    query = select(*columns).where(ReviewSetting.project_id == project_id)
    row = session.execute(query).first()
    if row is None:
        return ReviewSettings()
    of_queues = select(QueueOverlap.queue, QueueOverlap.overlap)
    rows = session.execute(of_queues.where(QueueOverlap.project_id == project_id))
    overlaps = {QueueKind(queue): overlap for queue, overlap in rows}
    return ReviewSettings(**dict(zip(_SETTINGS, row)), queue_overlaps=overlaps)


def save_settings(session: Session, project_id: int, values: ReviewSettings) -> None:
    """Change how the project is reviewed."""
    row = {name: getattr(values, name) for name in _SETTINGS}
    statement = update(ReviewSetting).where(ReviewSetting.project_id == project_id)
    changed = session.connection().execute(statement.values(row))
    if not changed.rowcount:
        session.execute(insert(ReviewSetting), [{"project_id": project_id, **row}])
    session.execute(delete(QueueOverlap).where(QueueOverlap.project_id == project_id))
    if overlaps := values.queue_overlaps:
        fixed = {"project_id": project_id}
        rows = [{**fixed, "queue": queue, "overlap": k} for queue, k in overlaps.items()]
        session.execute(insert(QueueOverlap), rows)


def num_drawn(session: Session, project_id: int) -> int:
    """Return how many samples were drawn."""
    query = select(func.count()).where(AuditDraw.project_id == project_id)
    return int(session.execute(query).scalar_one())


def draw(session: Session, project_id: int, *, seed: int, number: int) -> int:
    """Draw up to `number` more samples; return how many there were.

    The order is that of a hash of seed and sample id: uniformly random, the same on every machine
    and for ever, so that what is drawn later continues what was drawn before. Drawn are samples
    that have an image that can be read and a given label.
    """
    start = num_drawn(session, project_id)
    drawn = select(AuditDraw.sample_id).where(AuditDraw.project_id == project_id)
    usable = (
        select(_S.id)
        .join(tables.GivenLabel, tables.GivenLabel.sample_id == _S.id)
        .where(_S.project_id == project_id, _S.state == SampleState.OK, _S.id.not_in(drawn))
        .where(tables.GivenLabel.class_id.is_not(None))
    )
    ids = _in_random_order(session.execute(usable).scalars().all(), seed)[:number]
    rows = [
        {"project_id": project_id, "position": start + place, "sample_id": sample_id}
        for place, sample_id in enumerate(ids)
    ]
    if rows:
        session.execute(insert(AuditDraw), rows)
    return len(rows)


def order(session: Session, project_id: int) -> list[int]:
    """Return the samples drawn so far, in the order of the draw."""
    query = select(AuditDraw.sample_id).where(AuditDraw.project_id == project_id)
    return list(session.execute(query.order_by(AuditDraw.position)).scalars())


def _in_random_order(sample_ids: Sequence[int], seed: int) -> list[int]:
    def key(sample_id: int) -> bytes:
        return hashlib.sha256(f"audit {seed} {sample_id}".encode()).digest()

    return sorted(sample_ids, key=key)
