"""Queries on the final scores of runs; `rank` orders the queue, the most suspicious first."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from turn_core.store import tables
from turn_core.store.columns import Base
from turn_core.store.samples import COLUMNS, chunks
from turn_core.types import ReviewStatus, ScoreRow

_S, _G, _SCORE = tables.Sample, tables.GivenLabel, tables.Score
SCORE_COLUMNS: tuple[Any, ...] = (
    _SCORE.rank,
    _SCORE.clean_probability,
    _SCORE.loss,
    _SCORE.suggested_class_id,
    _SCORE.suggested_probability,
    _SCORE.given_probability,
    _SCORE.selected,
    _SCORE.fallback,
    _SCORE.array_row,
)


def insert_scores(
    session: Session, project_id: int, run_id: int, rows: Sequence[ScoreRow], *, chunk: int = 5000
) -> None:
    """Add the scores of a run; a loss that is not finite is stored as null."""
    table = Base.metadata.tables["score"]
    for start in range(0, len(rows), chunk):
        part = [_columns(project_id, run_id, row) for row in rows[start : start + chunk]]
        session.connection().execute(insert(table), part)


def _columns(project_id: int, run_id: int, row: ScoreRow) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "sample_id": row.sample_id,
        "project_id": project_id,
        "rank": row.rank,
        "clean_probability": row.clean_probability,
        "loss": row.loss if np.isfinite(row.loss) else None,
        "suggested_class_id": row.suggested_class_id,
        "suggested_probability": row.suggested_probability,
        "given_probability": row.given_probability,
        "selected": row.selected,
        "fallback": row.fallback,
        "array_row": row.row,
    }


def of_samples(session: Session, run_id: int, sample_ids: Sequence[int]) -> Sequence[Any]:
    """Return the same rows for these samples, in any order."""
    query = select_scored().where(_SCORE.run_id == run_id, _SCORE.sample_id.in_(sample_ids))
    return session.execute(query).all()


def select_scored() -> Select[Any]:
    """Return a query of `COLUMNS`, then `SCORE_COLUMNS`."""
    return (
        select(*COLUMNS, *SCORE_COLUMNS)
        .select_from(_SCORE)
        .join(_S, _S.id == _SCORE.sample_id)
        .outerjoin(_G, _G.sample_id == _S.id)
    )


def count_issues(session: Session, run_id: int, threshold: float) -> int:
    """Return how many pending samples have a clean probability of at most `threshold`."""
    query = (
        select(func.count())
        .join_from(_SCORE, _S, _S.id == _SCORE.sample_id)
        .where(_SCORE.run_id == run_id, _SCORE.clean_probability <= threshold)
        .where(_S.status == ReviewStatus.PENDING)
    )
    return int(session.execute(query).scalar_one())


def status_counts(
    session: Session, run_id: int, threshold: float
) -> dict[ReviewStatus, tuple[int, int]]:
    """Return (scored samples, those of them at most at `threshold`) by review status, all named."""
    issue = _SCORE.clean_probability <= threshold
    query = (
        select(_S.status, func.count(), func.count().filter(issue))
        .join_from(_SCORE, _S, _S.id == _SCORE.sample_id)
        .where(_SCORE.run_id == run_id)
        .group_by(_S.status)
    )
    found = {row[0]: (row[1], row[2]) for row in session.execute(query)}
    return {status: found.get(status.value, (0, 0)) for status in ReviewStatus}


def ranks(session: Session, run_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (sample ids (N,), ranks (N,)) in the order of the ids."""
    query = select(_SCORE.sample_id, _SCORE.rank).where(_SCORE.run_id == run_id)
    rows = session.execute(query.order_by(_SCORE.sample_id)).all()
    pairs = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def point_rows(
    session: Session, project_id: int, sample_ids: Sequence[int], run_id: int | None
) -> list[Any]:
    """Return what colours a map, one row per sample that is still there, by id.

    Columns: id, given class id, current class id, true class id, status, clean probability,
    suggested class id; the last two are None without a run.
    """
    columns: tuple[Any, ...] = (_S.id, _G.class_id, _S.current_class_id, _S.true_class_id)
    columns += (_S.status, _SCORE.clean_probability, _SCORE.suggested_class_id)
    scored = (_SCORE.sample_id == _S.id) & (_SCORE.run_id == run_id)
    query = select(*columns).select_from(_S).outerjoin(_G, _G.sample_id == _S.id)
    query = query.outerjoin(_SCORE, scored).where(_S.project_id == project_id)
    found: list[Any] = []
    for part in chunks(sample_ids):
        found += session.execute(query.where(_S.id.in_(part))).all()
    return sorted(found, key=lambda row: row[0])
