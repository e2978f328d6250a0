"""Queries on projects and their classes."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from turn_core.errors import NotFoundError
from turn_core.store import review_tables, study_tables, tables, tag_tables
from turn_core.types import ClassInfo, Project, RefusedItem

# Children first. `label_event` refers to itself, which both engines check per statement only.
_CHILDREN: tuple[type[Any], ...] = (
    review_tables.Member,
    review_tables.Claim,
    review_tables.AuditDraw,
    review_tables.ReviewSetting,
    review_tables.QueueOverlap,
    review_tables.StandingVote,
    review_tables.VoteConflict,
    review_tables.Vote,
    study_tables.StudyPart,
    study_tables.Study,
    tag_tables.SampleTag,
    tag_tables.Tag,
    tables.Score,
    tables.LabelEvent,
    tables.GivenLabel,
    tables.Sample,
    tables.ProjectClass,
    tables.Export,
    tables.Run,
    tables.Job,
    tables.ImportRefusal,
)


def name_key(name: str) -> str:
    """Return what two names that look alike have in common: ` Cat`, `cat`, NFC and NFD."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def _select_projects() -> Any:
    num_classes = (
        select(func.count())
        .where(tables.ProjectClass.project_id == tables.Project.id)
        .correlate(tables.Project)
        .scalar_subquery()
    )
    return select(tables.Project, num_classes).where(tables.Project.state == "ready")


def _record(row: tables.Project, num_classes: int) -> Project:
    return Project(
        project_id=row.id,
        name=row.name,
        created_at=row.created_at / 1000,
        created_by=row.created_by,
        label_rev=row.label_rev,
        num_samples=row.num_samples,
        num_classes=num_classes,
    )


def list_projects(session: Session) -> list[Project]:
    """Return all projects, the newest first."""
    rows = session.execute(_select_projects().order_by(tables.Project.id.desc()))
    return [_record(*row) for row in rows]


def get_project(session: Session, project_id: int) -> Project:
    """Return a project.

    Raises:
        NotFoundError: there is none, or it is being deleted.
    """
    row = session.execute(_select_projects().where(tables.Project.id == project_id)).first()
    if row is None:
        raise _no_project(project_id)
    return _record(*row)


def lock_project(session: Session, project_id: int) -> int:
    """Return the label revision and let no other transaction change the project until the end.

    Raises:
        NotFoundError: there is no such project, or it is being deleted.
    """
    query = select(tables.Project.label_rev).where(
        tables.Project.id == project_id, tables.Project.state == "ready"
    )
    label_rev = session.execute(query.with_for_update(key_share=True)).scalar()
    if label_rev is None:
        raise _no_project(project_id)
    return int(label_rev)


def find_by_name(session: Session, name: str) -> int | None:
    """Return the id of the project of that name, in whatever state."""
    query = select(tables.Project.id).where(tables.Project.name == name)
    return session.execute(query).scalar()


def insert_project(
    session: Session, *, name: str, num_samples: int, report: Any, now: int, actor: str
) -> int:
    """Add a project and return its id."""
    row = {"name": name, "state": "ready", "label_rev": 0, "num_samples": num_samples}
    row |= {"import_report": report, "created_at": now, "created_by": actor}
    return int(
        session.execute(
            insert(tables.Project).values(row).returning(tables.Project.id)
        ).scalar_one()
    )


def raise_label_rev(session: Session, project_id: int, by: int) -> None:
    """Count `by` more label events."""
    raised = tables.Project.label_rev + by
    session.execute(
        update(tables.Project).where(tables.Project.id == project_id).values(label_rev=raised)
    )


def import_report(session: Session, project_id: int) -> dict[str, Any] | None:
    """Return what the import said."""
    query = select(tables.Project.import_report).where(tables.Project.id == project_id)
    return session.execute(query).scalar()


def classes(session: Session, project_id: int) -> list[ClassInfo]:
    """Return the classes in the order of their index, with how many samples they have."""
    given = _class_counts(session, tables.GivenLabel, "class_id", project_id)
    current = _class_counts(session, tables.Sample, "current_class_id", project_id)
    return [
        ClassInfo(class_id, index, name, given.get(class_id, 0), current.get(class_id, 0))
        for class_id, index, name in class_list(session, project_id)
    ]


def class_list(session: Session, project_id: int) -> list[tuple[int, int, str]]:
    """Return (class id, index, name) in the order of the index."""
    table = tables.ProjectClass
    query = select(table.id, table.idx, table.name).where(table.project_id == project_id)
    return [(row[0], row[1], row[2]) for row in session.execute(query.order_by(table.idx))]


def _class_counts(
    session: Session, table: type[Any], column: str, project_id: int
) -> dict[int, int]:
    key = getattr(table, column)
    query = select(key, func.count()).where(table.project_id == project_id).group_by(key)
    return {class_id: count for class_id, count in session.execute(query) if class_id is not None}


def insert_classes(
    session: Session, project_id: int, names: Sequence[str], *, first_index: int = 0
) -> list[int]:
    """Add classes in order and return their ids."""
    rows = [
        {"project_id": project_id, "idx": index, "name": name, "name_key": name_key(name)}
        for index, name in enumerate(names, first_index)
    ]
    if rows:
        session.execute(insert(tables.ProjectClass), rows)
    return [class_id for class_id, *_ in class_list(session, project_id)][first_index:]


def insert_refusals(session: Session, project_id: int, items: Iterable[RefusedItem]) -> None:
    """Keep the list of what an import did not take."""
    rows = [{"project_id": project_id, "name": i.name, "reason": i.reason} for i in items]
    if rows:
        session.execute(insert(tables.ImportRefusal), rows)


def refusals(
    session: Session, project_id: int, *, limit: int, offset: int = 0
) -> list[RefusedItem]:
    """Return what the import did not take, in its order."""
    table = tables.ImportRefusal
    query = select(table.name, table.reason).where(table.project_id == project_id)
    rows = session.execute(query.order_by(table.id).limit(limit).offset(offset))
    return [RefusedItem(name, reason) for name, reason in rows]


def delete_rows(session: Session, project_id: int) -> None:
    """Delete a project with all its rows, decisions included."""
    # The guards of the append-only tables let rows go only while their project is `deleting`.
    session.execute(
        update(tables.Project).where(tables.Project.id == project_id).values(state="deleting")
    )
    for table in _CHILDREN:
        session.execute(delete(table).where(table.project_id == project_id))
    session.execute(delete(tables.Project).where(tables.Project.id == project_id))


def _no_project(project_id: int) -> NotFoundError:
    return NotFoundError(f"there is no project {project_id}: it may have been deleted")
