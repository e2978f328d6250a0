"""Adjudicate: images on which reviewers disagree, the votes side by side, settled with a key."""

import streamlit as st

from app import adjudication_flow as flow
from app import auth, state
from app.components.adjudication import adjudication
from app.views import adjudicating as view
from app.views.empty import no_project
from turn_core.services import audits, permissions, projects, votes
from turn_core.types.reviewing import Role

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
last = None if project_id is None else state.last_settled(project_id)
undo = view.heading(can_undo=last is not None)
if project_id is None:
    no_project()
    st.stop()
if permissions.role_of(workspace, reviewer, project_id) is not Role.OWNER:
    view.owners_only()
    st.stop()

if undo:
    flow.undo(workspace, project_id, reviewer)
    st.rerun()
page = votes.conflicts(workspace, project_id, limit=flow.AT_ONCE)
if not page.conflicts:
    if target := view.nothing(audits.get_settings(workspace, project_id)):
        st.switch_page(f"../pages/{target}.py")
    st.stop()
classes = projects.classes(workspace, project_id)
said = state.said_of_settling()
data = view.card_data(page, classes, project_id=project_id, said=said)
if settled := adjudication(data, key="adjudication"):
    flow.settle(workspace, project_id, settled, reviewer)
    st.rerun()
