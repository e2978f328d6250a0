"""Looking through the ledger: decisions, and votes where several reviewers vote on an image."""

import streamlit as st

from app import links, state
from app.views import browse
from app.views import ledger as view
from turn_core.services import ledger, projects, votes
from turn_core.services.workspace import Workspace


def decisions(workspace: Workspace, project_id: int) -> None:
    """Show the decisions that the filters ask for, the newest first, page by page."""
    wanted = view.filters(*ledger.people_and_queues(workspace, project_id))
    cursors = state.page_cursors("ledger", (project_id, wanted))
    before = int(cursors[-1]) if cursors else None
    page = ledger.browse(workspace, project_id, wanted, before=before, limit=browse.PAGE_SIZE)
    if not page.events:
        st.info("No decision is like that yet.")
        return
    view.table(page.events, _names(workspace, project_id))
    shown = len(cursors) * browse.PAGE_SIZE + len(page.events)
    following = str(page.events[-1].event_id) if shown < page.total else None
    if browse.pager(cursors, following, page.total, len(page.events)):
        st.rerun()
    addresses = links.ledger(project_id, "csv"), links.ledger(project_id, "parquet")
    view.downloads(*addresses, wanted, page.total)


def has_votes(workspace: Workspace, project_id: int, reader: str) -> bool:
    """Say whether there is any vote that the reader may see."""
    return bool(votes.list_votes(workspace, project_id, reader=reader, limit=1))


def cast(workspace: Workspace, project_id: int, reader: str) -> None:
    """Show the votes that the reader may see, the oldest first, page by page."""
    cursors = state.page_cursors("votes", project_id)
    after = int(cursors[-1]) if cursors else 0
    # One more than is shown: whether there is another page.
    found = votes.list_votes(
        workspace, project_id, reader=reader, after=after, limit=browse.PAGE_SIZE + 1
    )
    shown = found[: browse.PAGE_SIZE]
    view.vote_table(shown, _names(workspace, project_id))
    following = str(shown[-1].vote_id) if len(found) > len(shown) else None
    if browse.pager(cursors, following, None, len(shown)):
        st.rerun()
    view.vote_files(links.votes(project_id, "csv"), links.votes(project_id, "parquet"))


def _names(workspace: Workspace, project_id: int) -> dict[int, str]:
    return {info.class_id: info.name for info in projects.classes(workspace, project_id)}
