"""Ledger: every decision that was ever made, with who, when and how; and every vote."""

import streamlit as st

from app import auth, ledger_flow, state
from app.views import ledger as view
from app.views.empty import no_project

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
view.heading()
if project_id is None:
    no_project()
    st.stop()
if ledger_flow.has_votes(workspace, project_id, reviewer) and view.wants_votes():
    ledger_flow.cast(workspace, project_id, reviewer)
else:
    ledger_flow.decisions(workspace, project_id)
