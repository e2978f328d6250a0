"""Who is reviewing, and whether they may see anything.

Without sign-in a name is attribution, not authentication; a team may put a proxy in front
(docs/operations.md). Where sign-in is configured (`app.sign_in`), the name is the provider's.
"""

from collections.abc import Callable, Mapping

import streamlit as st

from app import resources, sign_in, state
from turn_core.services import claims, permissions
from turn_core.services.workspace import Workspace
from turn_core.types.reviewing import Claimant


def gate() -> str:
    """Return the name of who is reviewing; stop a page that was not reached through the entry."""
    if not state.entered() or not admitted():
        st.error("This page was opened past the entry of the app; open the start page.")
        st.stop()
    return reviewer()


def workspace() -> Workspace:
    """Return the workspace as the reviewer sees it: with the projects in which they have a role."""
    return resources.workspace().seen_by(reviewer())


def admitted() -> bool:
    """Say whether the visitor may see the app; let our routes know who they are.

    Where sign-in is configured they must have signed in, and be a member if there are any.
    """
    if not sign_in.required():
        return True
    name, session_id = sign_in.name(), _session_id()
    known = name is not None and permissions.known(resources.workspace(), name)
    if session_id is not None:
        resources.sessions().sign_in(session_id, name if known else None)
    return known


def only_page() -> Callable[[], None]:
    """Return the page of those who are not admitted."""
    return sign_in.page if sign_in.name() is None else sign_in.stranger_page


def reviewer() -> str:
    """Return the reviewer's name of this browser session: the one signed in, else the chosen."""
    if sign_in.required() and (name := sign_in.name()) is not None:
        return name
    return resources.sessions().reviewer(_session_id())


def leave() -> None:
    """Sign out."""
    if (session_id := _session_id()) is not None:
        resources.sessions().sign_in(session_id, None)
    st.logout()


def claimant(project_id: int) -> Claimant | None:
    """Return who claims cards in this browser session; None for those who may only look."""
    found = resources.sessions().claimant(_session_id(), reviewer())
    return claims.of_reviewer(resources.workspace(), project_id, found)


def rename(name: str) -> None:
    """Remember another reviewer's name for this browser.

    Raises:
        DataError: the name is empty, too long or not printable.
    """
    session_id = _session_id()
    if session_id is not None:
        resources.sessions().set_reviewer(session_id, name)


def _session_id() -> str | None:
    return resources.sessions().session_id(cookies())


def cookies() -> Mapping[str, str]:
    """Return the cookies that the browser sent when it opened the page."""
    return st.context.cookies
