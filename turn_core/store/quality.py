"""Queries of the Quality page: every scored sample with how it stands, every decision."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from turn_core.store import tables

_S, _G, _SCORE, _E = tables.Sample, tables.GivenLabel, tables.Score, tables.LabelEvent


def scored(session: Session, run_id: int) -> Sequence[Any]:
    """Return the run's samples by rank: what it found, and how they stand now.

    Columns: sample id, clean probability, suggested class, fallback, array row, status, current,
    given and true class.
    """
    query = (
        select(
            _SCORE.sample_id,
            _SCORE.clean_probability,
            _SCORE.suggested_class_id,
            _SCORE.fallback,
            _SCORE.array_row,
            _S.status,
            _S.current_class_id,
            _G.class_id,
            _S.true_class_id,
        )
        .select_from(_SCORE)
        .join(_S, _S.id == _SCORE.sample_id)
        .outerjoin(_G, _G.sample_id == _S.id)
        .where(_SCORE.run_id == run_id)
    )
    return session.execute(query.order_by(_SCORE.rank)).all()


def decisions(session: Session, project_id: int) -> Sequence[Any]:
    """Return the project's events in order.

    Columns: id, sample id, action, run id, queue, bulk, seconds spent, the event it undoes.
    """
    query = select(
        _E.id,
        _E.sample_id,
        _E.action,
        _E.run_id,
        _E.queue,
        _E.bulk,
        _E.seconds_spent,
        _E.undoes,
    ).where(_E.project_id == project_id)
    return session.execute(query.order_by(_E.id)).all()
