"""Ledger: every decision that was ever made, with who, when and how."""

import streamlit as st

from app import auth, links, state
from app.views import browse
from app.views import ledger as view
from app.views.empty import no_project
from turn_core.services import ledger, projects

auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
view.heading()
if project_id is None:
    no_project()
    st.stop()

wanted = view.filters(*ledger.people_and_queues(workspace, project_id))
cursors = state.page_cursors("ledger", (project_id, wanted))
before = int(cursors[-1]) if cursors else None
page = ledger.browse(workspace, project_id, wanted, before=before, limit=browse.PAGE_SIZE)
if not page.events:
    st.info("No decision is like that yet.")
    st.stop()
names = {info.class_id: info.name for info in projects.classes(workspace, project_id)}
view.table(page.events, names)
shown = len(cursors) * browse.PAGE_SIZE + len(page.events)
following = str(page.events[-1].event_id) if shown < page.total else None
if browse.pager(cursors, following, page.total, len(page.events)):
    st.rerun()
addresses = links.ledger(project_id, "csv"), links.ledger(project_id, "parquet")
view.downloads(*addresses, wanted, page.total)
