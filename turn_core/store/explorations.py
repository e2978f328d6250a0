"""Queries on explorations and their panels. The state of an exploration is that of its job."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import exploration_tables, tables
from turn_core.store.columns import seconds
from turn_core.types import JobState
from turn_core.types.exploring import Exploration, Panel, PanelMethod

_E, _P, _J = exploration_tables.Exploration, exploration_tables.ExplorationPanel, tables.Job
_S, _G, _SCORE = tables.Sample, tables.GivenLabel, tables.Score
CHUNK = 5000
"""Ids in one query: PostgreSQL takes 65,535 parameters, SQLite 250,000."""


def insert_exploration(session: Session, **values: Any) -> int:
    """Add an exploration and return its id."""
    result = session.execute(insert(_E).values(summary={}, **values).returning(_E.id))
    return int(result.scalar_one())


def list_explorations(session: Session, project_id: int) -> list[Exploration]:
    """Return the explorations of a project with their panels, the newest first."""
    query = _select().where(_E.project_id == project_id).order_by(_E.id.desc())
    rows = session.execute(query).all()
    panels = _panels(session, [row[0].id for row in rows])
    return [_record(row, panels.get(row[0].id, ())) for row in rows]


def get_exploration(session: Session, project_id: int, exploration_id: int) -> Exploration:
    """Return an exploration of the project.

    Raises:
        NotFoundError: the project has none of that id.
    """
    query = _select().where(_E.id == exploration_id, _E.project_id == project_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFoundError(
            f"project {project_id} has no exploration {exploration_id}: it may have been deleted"
        )
    return _record(row, _panels(session, [exploration_id]).get(exploration_id, ()))


def of_job(session: Session, job_id: int) -> Exploration:
    """Return the exploration that a job computes.

    Raises:
        NotFoundError: it was deleted.
    """
    query = select(_E.project_id, _E.id).where(_E.job_id == job_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFoundError(f"job {job_id} has no exploration: it was deleted")
    return get_exploration(session, *row)


def ids(session: Session, project_id: int | None = None) -> list[int]:
    """Return the ids of all explorations, of one project or of all."""
    query = select(_E.id)
    if project_id is not None:
        query = query.where(_E.project_id == project_id)
    return list(session.execute(query).scalars())


def put_panel(session: Session, exploration_id: int, idx: int, values: Mapping[str, Any]) -> None:
    """Add a panel, or replace what was there under its number."""
    keys = (_P.exploration_id == exploration_id, _P.idx == idx)
    known = session.execute(select(_P.idx).where(*keys)).scalar()
    if known is not None:
        session.execute(update(_P).where(*keys).values(**values))
        return
    session.execute(insert(_P).values(exploration_id=exploration_id, idx=idx, **values))


def set_summary(session: Session, exploration_id: int, summary: Mapping[str, Any]) -> None:
    """Store what was used."""
    session.execute(update(_E).where(_E.id == exploration_id).values(summary=dict(summary)))


def delete_rows(session: Session, exploration_id: int) -> None:
    """Delete an exploration and its panels."""
    session.execute(delete(_P).where(_P.exploration_id == exploration_id))
    session.execute(delete(_E).where(_E.id == exploration_id))


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


def chunks(sample_ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Cut ids into pieces that a query takes."""
    return (sample_ids[start : start + CHUNK] for start in range(0, len(sample_ids), CHUNK))


def _select() -> Select[Any]:
    columns: tuple[Any, ...] = (_E, _J.state, _J.finished_at, _J.error)
    return select(*columns).join(_J, _J.id == _E.job_id)


def _panels(session: Session, exploration_ids: Sequence[int]) -> dict[int, tuple[Panel, ...]]:
    query = select(_P).where(_P.exploration_id.in_(exploration_ids)).order_by(_P.idx)
    found: dict[int, tuple[Panel, ...]] = {}
    for row in session.execute(query).scalars():
        panel = Panel(
            idx=row.idx,
            backbone=row.backbone,
            method=PanelMethod(row.method),
            noise_level=row.noise_level,
            metrics={name: value for name, value in row.metrics.items() if value is not None},
            projections=tuple(row.projections.split()),
            ready_at=row.ready_at / 1000,
        )
        found[row.exploration_id] = (*found.get(row.exploration_id, ()), panel)
    return found


def _record(found: Row[Any], panels: tuple[Panel, ...]) -> Exploration:
    row, state, finished_at, error = list(found)
    return Exploration(
        exploration_id=row.id,
        project_id=row.project_id,
        job_id=row.job_id,
        name=row.name,
        state=JobState(state),
        config=row.config,
        summary=row.summary,
        panels=panels,
        created_at=row.created_at / 1000,
        created_by=row.created_by,
        finished_at=seconds(finished_at),
        error=error,
    )
