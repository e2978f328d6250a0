"""Who is reviewing. In local mode a name is attribution, not authentication.

A team that needs authentication puts a proxy in front (docs/operations.md); the name still says
who decided.
"""

from collections.abc import Mapping

import streamlit as st

from app import resources, state
from turn_core.services import claims
from turn_core.types.reviewing import Claimant


def gate() -> str:
    """Return the name of who is reviewing; stop a page that was not reached through the entry."""
    if not state.entered():
        st.error("This page was opened past the entry of the app; open the start page.")
        st.stop()
    return reviewer()


def reviewer() -> str:
    """Return the reviewer's name of this browser session."""
    return resources.sessions().reviewer(_session_id())


def claimant(project_id: int) -> Claimant | None:
    """Return who claims cards in this browser session; None for those who may only look."""
    return claims.of_reviewer(
        resources.workspace(), project_id, resources.sessions().claimant(_session_id())
    )


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
