"""Quality: honest numbers on what is wrong, what is left, and when to stop."""

import streamlit as st

from app import auth, quality_flow, resources, state
from app.views import quality as view
from app.views import quality_pictures as pictures
from app.views.empty import no_project
from turn_core.services import projects, runs

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
run = None if project_id is None else runs.latest_complete_run(workspace, project_id)
if project_id is None or run is None:
    st.title("Quality")
    if project_id is None:
        no_project()
    elif page := view.nothing_yet():
        st.switch_page(f"../pages/{page}.py")
    st.stop()

label_rev = projects.get_project(workspace, project_id).label_rev
quality = resources.quality(project_id, run.run_id, label_rev)
view.heading(quality)
if view.advice(quality):
    st.switch_page("../pages/review.py")
st.fragment(view.threshold)(quality)
view.audit(quality)
view.truth(quality)
pictures.effort(quality)
if pair := pictures.pairs(quality):
    state.review_by_pair(given=pair[0], suggested=pair[1])
    st.switch_page("../pages/review.py")
st.fragment(quality_flow.classes)(workspace, run)
opinion = resources.second_opinion(project_id, run.run_id, label_rev)
if quality_flow.opinion(workspace, run, opinion, reviewer):
    st.switch_page("../pages/review.py")
quality_flow.try_noise(workspace, run, reviewer)
