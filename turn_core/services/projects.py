"""Projects: make, list, describe, delete."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from turn_core.errors import ConflictError, DataError
from turn_core.services import cleanup, overviews, permissions
from turn_core.services.overviews import Overview
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import jobs as job_queries
from turn_core.store import projects as queries
from turn_core.store import samples as sample_queries
from turn_core.types import ClassInfo, JobState, Project, RefusedItem, SampleState
from turn_core.types.reviewing import Role

__all__ = [
    "NewProject",
    "NewSample",
    "Overview",
    "add_class",
    "classes",
    "create_project",
    "delete_project",
    "get_project",
    "list_projects",
    "overview",
    "refusals",
]

MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class NewProject:
    """What a project starts with; the place of a name in `class_names` is its index."""

    name: str
    class_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewSample:
    """A sample to store. `raw_label` is the exact text of the source, None if it had none."""

    file_name: str
    sha256: str
    width: int | None
    height: int | None
    state: SampleState
    raw_label: str | None
    class_index: int | None
    true_index: int | None = None
    split: str | None = None
    row_ref: str | None = None


def list_projects(workspace: Workspace) -> list[Project]:
    """Return all projects, the newest first."""
    with workspace.reading() as session:
        return queries.list_projects(session)


def get_project(workspace: Workspace, project_id: int) -> Project:
    """Return a project.

    Raises:
        NotFoundError: there is none.
    """
    with workspace.reading() as session:
        return queries.get_project(session, project_id)


def classes(workspace: Workspace, project_id: int) -> list[ClassInfo]:
    """Return the classes of a project in the order of their index, with their sizes."""
    with workspace.reading() as session:
        return queries.classes(session, project_id)


def refusals(
    workspace: Workspace, project_id: int, *, limit: int = 1000, offset: int = 0
) -> list[RefusedItem]:
    """Return what the import did not take, and why."""
    with workspace.reading() as session:
        return queries.refusals(session, project_id, limit=limit, offset=offset)


def overview(workspace: Workspace, project_id: int) -> Overview:
    """Return all that the overview page shows, as of one moment.

    Raises:
        NotFoundError: there is no such project.
    """
    with workspace.reading() as session:
        return overviews.overview(session, project_id)


def create_project(
    workspace: Workspace,
    new: NewProject,
    samples: Iterable[NewSample],
    refused: Sequence[RefusedItem] = (),
    report: Mapping[str, Any] | None = None,
    *,
    actor: str,
    job_id: int | None = None,
) -> int:
    """Store a project whole, in one transaction, and return its id.

    With `job_id` a repeated call (an import that was killed after this) returns the project that
    the job has already made.

    Raises:
        PermissionDeniedError: the actor is no owner.
        ConflictError: a project of that name exists, or the job was cancelled or taken away.
        DataError: no image is readable, two have the same name, or a text cannot be stored.
    """
    rows = list(samples)  # all before the transaction: it must not wait for slow sources
    _check(new, rows)

    def work(session: Session) -> int:
        permissions.require(session, actor, Role.OWNER)
        if job_id is not None:
            job = job_queries.get_row(session, job_id, lock=True)
            if job.project_id is not None:
                return job.project_id
            if job.state != JobState.RUNNING:
                raise ConflictError(f"import job {job_id} is {job.state}: start a new one")
        if queries.find_by_name(session, new.name) is not None:
            raise ConflictError(f"a project named {new.name!r} exists: choose another name")
        project_id = _insert(session, new, rows, report, actor)
        queries.insert_refusals(session, project_id, refused)
        if job_id is not None:
            job_queries.set_project(session, job_id, project_id)
        return project_id

    try:
        return workspace.write(work)
    except IntegrityError as error:
        raise ConflictError(
            f"a project named {new.name!r} was made a moment ago: choose another name"
        ) from error


def add_class(workspace: Workspace, project_id: int, name: str, *, actor: str) -> ClassInfo:
    """Add a class at the end of the list; classes are never renamed or taken away.

    Raises:
        PermissionDeniedError: the actor may not decide here.
        ConflictError: a class of that name, or one that looks the same, exists.
        DataError: the name is empty, too long, or holds what a text must not.
    """

    def work(session: Session) -> ClassInfo:
        permissions.require(session, actor, Role.REVIEWER, project_id)
        queries.lock_project(session, project_id)
        present = queries.class_list(session, project_id)
        _check_text("the class name", name, limit=MAX_NAME_CHARS)
        for _, _, other in present:
            if queries.name_key(other) == queries.name_key(name):
                raise ConflictError(f"the class {other!r} exists: use it, or choose another name")
        (class_id,) = queries.insert_classes(session, project_id, [name], first_index=len(present))
        return ClassInfo(class_id, len(present), name)

    return workspace.write(work)


def delete_project(workspace: Workspace, project_id: int, *, actor: str) -> None:
    """Delete a project with its decisions, runs and exports, and images that no other uses.

    Queued jobs are cancelled.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: there is no such project.
        ConflictError: a job runs; it was asked to stop, so try again in a moment.
    """
    cleanup.delete_project(workspace, project_id, actor=actor)


def _insert(
    session: Session,
    new: NewProject,
    rows: Sequence[NewSample],
    report: Mapping[str, Any] | None,
    actor: str,
) -> int:
    project_id = queries.insert_project(
        session,
        name=new.name,
        num_samples=len(rows),
        report=None if report is None else dict(report),
        now=engines.now_ms(session),
        actor=actor,
    )
    ids = queries.insert_classes(session, project_id, new.class_names)
    plain = [_columns(row, ids) for row in rows]
    sample_queries.insert_samples(session, project_id, plain)
    return project_id


def _columns(row: NewSample, class_ids: Sequence[int]) -> dict[str, Any]:
    return {
        "file_name": row.file_name,
        "sha256": row.sha256,
        "width": row.width,
        "height": row.height,
        "state": row.state.value,
        "split": row.split,
        "raw": row.raw_label,
        "row_ref": row.row_ref,
        "class_id": None if row.class_index is None else class_ids[row.class_index],
        "true_class_id": None if row.true_index is None else class_ids[row.true_index],
    }


def _check(new: NewProject, rows: Sequence[NewSample]) -> None:
    _check_text("the project name", new.name, limit=MAX_NAME_CHARS)
    if len(set(new.class_names)) < len(new.class_names):
        raise DataError("two classes have the same name: give each class one name")
    for name in new.class_names:
        _check_text("a class name", name, blank=True)
    if all(row.state == SampleState.UNREADABLE for row in rows):
        raise DataError(f"none of the {len(rows)} images is readable: nothing was imported")
    names: set[str] = set()
    for row in rows:
        _check_text("a file name", row.file_name)
        _check_text(f"the label of {row.file_name}", row.raw_label or "", blank=True)
        if row.file_name in names:
            raise DataError(f"two images are named {row.file_name!r}: give each its own name")
        names.add(row.file_name)
        for index in (row.class_index, row.true_index):
            if index is not None and not 0 <= index < len(new.class_names):
                raise DataError(f"{row.file_name} has class {index} of {len(new.class_names)}")


def _check_text(what: str, text: str, *, limit: int | None = None, blank: bool = False) -> None:
    if not blank and not text.strip():
        raise DataError(f"{what} is empty: type one")
    if limit is not None and len(text) > limit:
        raise DataError(f"{what} has {len(text)} characters: use at most {limit}")
    if "\x00" in text or not (text.isascii() or _is_unicode(text)):
        raise DataError(f"{what} {text!r} holds characters that are no text: rename it")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
