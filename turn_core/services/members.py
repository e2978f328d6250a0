"""Members: who has which role. `permissions` says what a role allows."""

from sqlalchemy.orm import Session

from turn_core.errors import ConflictError, DataError, NotFoundError
from turn_core.services import permissions
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import members as queries
from turn_core.store import projects as project_queries
from turn_core.types.reviewing import Member, Role

OPERATOR = "operator"
"""Stands for whoever runs commands on the server: they may do everything there anyway."""

MAX_NAME_CHARS = 200


def list_members(workspace: Workspace, project_id: int | None = None) -> list[Member]:
    """Return the members of a project and those everywhere, or all members of all projects."""
    with workspace.reading() as session:
        return queries.list_members(session, project_id)


def set_member(
    workspace: Workspace,
    name: str,
    role: Role,
    *,
    project_id: int | None = None,
    actor: str,
    as_operator: bool = False,
) -> Member:
    """Give a person a role in a project, or everywhere; a role they had there is replaced.

    The first member must be an owner everywhere, and one such owner always stays. Roles hold from
    then on for everybody: who is no member may change nothing. `as_operator` is for the command
    line of the server.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: there is no such project.
        DataError: the name is empty, too long or not printable.
        ConflictError: nobody would be an owner everywhere.
    """
    told = name.strip()
    if not 1 <= len(told) <= MAX_NAME_CHARS or not told.isprintable():
        raise DataError(f"a member's name has 1 to {MAX_NAME_CHARS} printable characters")

    def work(session: Session) -> Member:
        _lock(session, actor, project_id, as_operator=as_operator)
        queries.put(
            session, told, role, project_id=project_id, now=engines.now_ms(session), actor=actor
        )
        _check_owner(session)
        return queries.find(session, told, project_id)

    return workspace.write(work)


def remove_member(
    workspace: Workspace, member_id: int, *, actor: str, as_operator: bool = False
) -> None:
    """Take a role away. The last member may go: then everybody is an owner again.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: there is no such member.
        ConflictError: nobody would be an owner everywhere, and there are other members.
    """

    def work(session: Session) -> None:
        found = queries.get(session, member_id)
        if found is None:
            raise NotFoundError(f"there is no member {member_id}: reload the page")
        _lock(session, actor, found.project_id, as_operator=as_operator)
        queries.remove(session, member_id)
        if queries.any_member(session):
            _check_owner(session)

    workspace.write(work)


def _lock(session: Session, actor: str, project_id: int | None, *, as_operator: bool) -> None:
    engines.lock_members(session)
    if not as_operator:
        permissions.require(session, actor, Role.OWNER, project_id)
    if project_id is not None:
        project_queries.lock_project(session, project_id)


def _check_owner(session: Session) -> None:
    if not queries.owners_everywhere(session):
        raise ConflictError(
            "nobody would be an owner of the whole workspace: name an owner first, then change this"
        )
