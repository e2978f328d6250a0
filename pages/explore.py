"""Explore: what fine-tuning on noisy labels does to the features, as maps and as figures."""

import streamlit as st

from app import auth, explore_flow, state, study_flow
from app.views.empty import no_project
from turn_core.types.exploring import EXPLORATION

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
st.title("Explore")
if project_id is None:
    no_project()
    st.stop()

shown = study_flow.choose(
    workspace, EXPLORATION, project_id, reviewer, deletes="maps, figures and files", pairs=True
)
if not shown:
    explore_flow.start(workspace, project_id, reviewer)
    st.stop()
opened = shown[0]
study_flow.follow(workspace, opened, reviewer)
explore_flow.regime(workspace, opened)
if wanted := explore_flow.maps(workspace, shown):
    explore_flow.act(workspace, opened, wanted, reviewer)
for exploration in shown:
    explore_flow.figures(workspace, exploration, titled=len(shown) > 1)
