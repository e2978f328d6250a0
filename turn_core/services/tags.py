"""Tags: name a set of samples, to review it, look at it again or export it."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from turn_core.errors import ConflictError, DataError, NotFoundError
from turn_core.services import permissions
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import projects as project_queries
from turn_core.store import tags as queries
from turn_core.types.exploring import Tag
from turn_core.types.reviewing import Role

MAX_NAME_CHARS = 100


def list_tags(workspace: Workspace, project_id: int) -> list[Tag]:
    """Return the tags of a project in the order of their names."""
    with workspace.reading() as session:
        return queries.list_tags(session, project_id)


def create_tag(workspace: Workspace, project_id: int, name: str, *, actor: str) -> Tag:
    """Make an empty tag.

    Raises:
        PermissionDeniedError: the actor may not decide here.
        NotFoundError: there is no such project.
        ConflictError: a tag of that name, or one that looks the same, exists.
        DataError: the name is empty, too long, or holds what a text must not.
    """
    told = _checked(name)

    def work(session: Session) -> Tag:
        permissions.require(session, actor, Role.REVIEWER, project_id)
        project_queries.lock_project(session, project_id)
        if queries.find(session, project_id, project_queries.name_key(told)) is not None:
            raise ConflictError(f"the tag {told!r} exists: use it, or choose another name")
        return _insert(session, project_id, told, actor)

    return workspace.write(work)


def tag_samples(
    workspace: Workspace, project_id: int, tag_name: str, sample_ids: Iterable[int], *, actor: str
) -> Tag:
    """Give samples a tag, which is made where there is none of that name; return it.

    Samples that have it already keep it.

    Raises:
        PermissionDeniedError: the actor may not decide here.
        NotFoundError: there is no such project, or one of the samples is not in it; no sample
            was tagged.
        DataError: the name cannot be used.
    """
    told, wanted = _checked(tag_name), sorted({int(sample_id) for sample_id in sample_ids})

    def work(session: Session) -> Tag:
        permissions.require(session, actor, Role.REVIEWER, project_id)
        project_queries.lock_project(session, project_id)
        if strangers := queries.strangers(session, project_id, wanted):
            raise NotFoundError(
                f"project {project_id} has no sample {strangers[0]}: nothing was tagged; "
                "reload the page"
            )
        found = queries.find(session, project_id, project_queries.name_key(told))
        tag = (
            _insert(session, project_id, told, actor)
            if found is None
            else queries.get_tag(session, project_id, found)
        )
        queries.add(session, tag, wanted, now=engines.now_ms(session), actor=actor)
        return queries.get_tag(session, project_id, tag.tag_id)

    return workspace.write(work)


def untag_samples(
    workspace: Workspace, project_id: int, tag_id: int, sample_ids: Iterable[int], *, actor: str
) -> Tag:
    """Take a tag from samples; those without it stay as they are.

    Raises:
        PermissionDeniedError: the actor may not decide here.
        NotFoundError: the project has no such tag.
    """
    wanted = sorted({int(sample_id) for sample_id in sample_ids})

    def work(session: Session) -> Tag:
        permissions.require(session, actor, Role.REVIEWER, project_id)
        queries.get_tag(session, project_id, tag_id)
        queries.remove(session, tag_id, wanted)
        return queries.get_tag(session, project_id, tag_id)

    return workspace.write(work)


def delete_tag(workspace: Workspace, project_id: int, tag_id: int, *, actor: str) -> None:
    """Delete a tag; its samples stay.

    Raises:
        PermissionDeniedError: the actor may not decide here.
        NotFoundError: the project has no such tag.
    """

    def work(session: Session) -> None:
        permissions.require(session, actor, Role.REVIEWER, project_id)
        project_queries.lock_project(session, project_id)
        queries.get_tag(session, project_id, tag_id)
        queries.delete_tag(session, tag_id)

    workspace.write(work)


def samples_of_tag(workspace: Workspace, project_id: int, tag_id: int) -> list[int]:
    """Return the ids of the samples that have a tag, rising.

    Raises:
        NotFoundError: the project has no such tag.
    """
    with workspace.reading() as session:
        queries.get_tag(session, project_id, tag_id)
        return queries.sample_ids(session, tag_id)


def _insert(session: Session, project_id: int, name: str, actor: str) -> Tag:
    tag_id = queries.insert_tag(
        session,
        project_id=project_id,
        name=name,
        name_key=project_queries.name_key(name),
        created_at=engines.now_ms(session),
        created_by=actor,
    )
    return queries.get_tag(session, project_id, tag_id)


def _checked(name: str) -> str:
    told = name.strip()
    if not told:
        raise DataError("the tag's name is empty: type one")
    if len(told) > MAX_NAME_CHARS:
        raise DataError(f"the tag's name has {len(told)} characters: use at most {MAX_NAME_CHARS}")
    if not told.isprintable():
        raise DataError(f"the tag's name {told!r} holds characters that cannot be shown: rename it")
    return told
