"""Explore: what fine-tuning on noisy labels does to the features, as maps and as figures."""

import streamlit as st

from app import auth, explore_flow, state
from app.views import explore_list
from app.views.empty import no_project
from turn_core.services import explorations

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
st.title("Explore")
if project_id is None:
    no_project()
    st.stop()

known = {
    exploration.exploration_id: exploration
    for exploration in explorations.list_explorations(workspace, project_id)
}
choice = explore_list.choose(list(known.values()), state.exploration_id())
if choice.opened != state.exploration_id() and known:
    state.open_exploration(choice.opened)
    st.rerun()
if choice.delete:
    explorations.delete_exploration(workspace, project_id, choice.opened, actor=reviewer)
    state.open_exploration(None)
    st.rerun()
if choice.opened == explore_list.NEW:
    explore_flow.start(workspace, project_id, reviewer)
    st.stop()

opened = known[choice.opened]
shown = [opened, known[choice.other]] if choice.other is not None else [opened]
explore_flow.follow(workspace, opened, reviewer)
explore_flow.regime(workspace, opened)
if wanted := explore_flow.maps(workspace, shown):
    explore_flow.act(workspace, opened, wanted, reviewer)
for exploration in shown:
    explore_flow.figures(workspace, exploration, titled=len(shown) > 1)
