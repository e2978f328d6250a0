"""What a person sees: for their session the rows of other projects do not exist."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import event, or_
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from turn_core.store import engine, tables
from turn_core.store.columns import Base


def restrict(session: Session, project_ids: Sequence[int]) -> None:
    """Let the session read only rows of these projects, and those that belong to none."""
    criteria = list(_criteria(session, project_ids))

    def narrow(state: ORMExecuteState) -> None:
        if state.is_select:
            state.statement = state.statement.options(*criteria)

    event.listen(session, "do_orm_execute", narrow)


def _criteria(session: Session, project_ids: Sequence[int]) -> Iterator[Any]:
    for mapper in Base.registry.mappers:
        kind = mapper.class_
        name = "id" if kind is tables.Project else "project_id"
        if name in mapper.columns:
            column = getattr(kind, name)
            inside = _within(session, column, project_ids)
            yield with_loader_criteria(kind, inside, include_aliases=True)


def _within(session: Session, column: Any, project_ids: Sequence[int]) -> Any:
    # No index of the project: the plans stay those of everybody else.
    inside = engine.unindexed(session, column).in_(list(project_ids))
    return or_(inside, column.is_(None)) if column.property.columns[0].nullable else inside
