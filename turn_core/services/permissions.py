"""Who may do what. Every service that changes something asks here, in its own transaction.

Without any member everybody is an owner: one person, or a team that trusts its network. With
members a name counts as the role it was given; a role in a project goes before one everywhere.
"""

from sqlalchemy.orm import Session

from turn_core.errors import PermissionDeniedError
from turn_core.services.workspace import Workspace
from turn_core.store import members as queries
from turn_core.types.reviewing import Role

__all__ = ["known", "may", "require", "role_of"]

_MAY = {
    Role.VIEWER: "look at it",
    Role.REVIEWER: "decide on labels and export them",
    Role.OWNER: "change data, runs, settings and members",
}


def role_of(workspace: Workspace, name: str, project_id: int | None = None) -> Role | None:
    """Return the role of a person in a project, or everywhere; None for a stranger."""
    with workspace.reading() as session:
        return _role(session, name, project_id)


def known(workspace: Workspace, name: str) -> bool:
    """Say whether a person has a role anywhere; without members everybody has."""
    with workspace.reading() as session:
        return not queries.any_member(session) or queries.has_role(session, name)


def may(session: Session, name: str, role: Role, project_id: int | None = None) -> bool:
    """Say whether a person's role allows all that `role` does."""
    found = _role(session, name, project_id)
    return found is not None and found.includes(role)


def require(session: Session, name: str, role: Role, project_id: int | None = None) -> None:
    """Refuse what a person's role does not allow.

    Raises:
        PermissionDeniedError: they are no member, or their role is too low.
    """
    found = _role(session, name, project_id)
    if found is None or not found.includes(role):
        told = "is no member" if found is None else f"is a {found.value}"
        where = "of this workspace" if project_id is None else f"of project {project_id}"
        raise PermissionDeniedError(
            f"{name!r} {told} {where}; it takes the role {role.value} to {_MAY[role]}: ask an owner"
        )


def _role(session: Session, name: str, project_id: int | None) -> Role | None:
    if not queries.any_member(session):
        return Role.OWNER
    return queries.role(session, name, project_id)
