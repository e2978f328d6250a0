"""Queries on comparisons and their cells. The state of a comparison is that of its job."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import comparison_tables, tables
from turn_core.store.columns import seconds
from turn_core.types import JobState
from turn_core.types.comparing import Cell, Comparison

_C, _CELL, _J = comparison_tables.Comparison, comparison_tables.ComparisonCell, tables.Job
_S = tables.Sample


def insert_comparison(session: Session, **values: Any) -> int:
    """Add a comparison and return its id."""
    result = session.execute(insert(_C).values(summary={}, **values).returning(_C.id))
    return int(result.scalar_one())


def list_comparisons(session: Session, project_id: int) -> list[Comparison]:
    """Return the comparisons of a project with their cells, the newest first."""
    query = _select().where(_C.project_id == project_id).order_by(_C.id.desc())
    rows = session.execute(query).all()
    cells = _cells(session, [row[0].id for row in rows])
    return [_record(row, cells.get(row[0].id, ())) for row in rows]


def get_comparison(session: Session, project_id: int, comparison_id: int) -> Comparison:
    """Return a comparison of the project.

    Raises:
        NotFoundError: the project has none of that id.
    """
    query = _select().where(_C.id == comparison_id, _C.project_id == project_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFoundError(
            f"project {project_id} has no comparison {comparison_id}: it may have been deleted"
        )
    return _record(row, _cells(session, [comparison_id]).get(comparison_id, ()))


def of_job(session: Session, job_id: int) -> Comparison:
    """Return the comparison that a job computes.

    Raises:
        NotFoundError: it was deleted.
    """
    query = select(_C.project_id, _C.id).where(_C.job_id == job_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFoundError(f"job {job_id} has no comparison: it was deleted")
    return get_comparison(session, *row)


def put_cell(session: Session, comparison: Comparison, cell: Cell) -> None:
    """Add a cell, or replace what was there under its method and seed."""
    keys = (
        _CELL.comparison_id == comparison.comparison_id,
        _CELL.method == cell.method,
        _CELL.seed == cell.seed,
    )
    session.execute(delete(_CELL).where(*keys))
    found = {
        "curve": list(cell.curve),
        "outside_accuracy": cell.outside_accuracy,
        "seconds": cell.seconds,
        "measures": dict(cell.measures),
        "notes": list(cell.notes),
        "error": cell.error,
    }
    values = {"method": cell.method, "seed": cell.seed, "found": found}
    values |= {"comparison_id": comparison.comparison_id, "project_id": comparison.project_id}
    session.execute(insert(_CELL).values(**values, ready_at=round(cell.ready_at * 1000)))


def set_summary(session: Session, comparison_id: int, summary: Mapping[str, Any]) -> None:
    """Store what was used."""
    session.execute(update(_C).where(_C.id == comparison_id).values(summary=dict(summary)))


def delete_rows(session: Session, comparison_id: int) -> None:
    """Delete a comparison and its cells."""
    session.execute(delete(_CELL).where(_CELL.comparison_id == comparison_id))
    session.execute(delete(_C).where(_C.id == comparison_id))


def split_sizes(session: Session, project_id: int) -> dict[str, int]:
    """Return how many samples each split of the project has; samples without one are left out."""
    query = select(_S.split, func.count()).where(_S.project_id == project_id).group_by(_S.split)
    return {name: count for name, count in session.execute(query) if name}


def _select() -> Select[Any]:
    columns: tuple[Any, ...] = (_C, _J.state, _J.finished_at, _J.error)
    return select(*columns).join(_J, _J.id == _C.job_id)


def _cells(session: Session, comparison_ids: Sequence[int]) -> dict[int, tuple[Cell, ...]]:
    query = select(_CELL).where(_CELL.comparison_id.in_(comparison_ids))
    found: dict[int, tuple[Cell, ...]] = {}
    for row in session.execute(query.order_by(_CELL.ready_at, _CELL.method)).scalars():
        plain = row.found
        cell = Cell(
            method=row.method,
            seed=row.seed,
            curve=tuple(plain["curve"]),
            outside_accuracy=plain["outside_accuracy"],
            seconds=plain["seconds"],
            measures={n: v for n, v in plain["measures"].items() if v is not None},
            notes=tuple(plain["notes"]),
            ready_at=row.ready_at / 1000,
            error=plain["error"],
        )
        found[row.comparison_id] = (*found.get(row.comparison_id, ()), cell)
    return found


def _record(found: Row[Any], cells: tuple[Cell, ...]) -> Comparison:
    row, state, finished_at, error = list(found)
    return Comparison(
        comparison_id=row.id,
        project_id=row.project_id,
        job_id=row.job_id,
        name=row.name,
        state=JobState(state),
        config=row.config,
        summary=row.summary,
        cells=cells,
        created_at=row.created_at / 1000,
        created_by=row.created_by,
        finished_at=seconds(finished_at),
        error=error,
    )
