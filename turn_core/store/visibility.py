"""What a person sees: for their session the rows of other projects do not exist."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import event, or_
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from turn_core.store import tables
from turn_core.store.columns import Base


def restrict(session: Session, project_ids: Sequence[int]) -> None:
    """Let the session read only rows of these projects, and those that belong to none."""
    criteria = list(_criteria(project_ids))

    def narrow(state: ORMExecuteState) -> None:
        if state.is_select:
            state.statement = state.statement.options(*criteria)

    event.listen(session, "do_orm_execute", narrow)


def _criteria(project_ids: Sequence[int]) -> Iterator[Any]:
    for mapper in Base.registry.mappers:
        kind = mapper.class_
        name = "id" if kind is tables.Project else "project_id"
        if name in mapper.columns:
            yield with_loader_criteria(kind, _within(kind, name, project_ids), include_aliases=True)


def _within(kind: type[Any], name: str, project_ids: Sequence[int]) -> Any:
    column = getattr(kind, name)
    # `+ 0` keeps indexes on the project out: the plans stay those of everybody else.
    inside = (column + 0).in_(list(project_ids))
    return or_(inside, column.is_(None)) if column.property.columns[0].nullable else inside
