"""Overview: what to do next, the numbers, the latest round."""

import streamlit as st

from app import auth, resources, state
from app.views import overview as view
from turn_core.services import demo, jobs, projects, review, runs

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
worker = jobs.worker_status(workspace)

if project_id is None:
    view.worker_banner(worker)
    choice = view.welcome()
    if choice == "demo":
        state.watch_job(demo.start_demo(workspace, actor=reviewer).job_id)
    if choice:
        st.switch_page("../pages/data.py")
else:
    overview = projects.overview(workspace, project_id)
    st.title(view.project_title(overview.project))
    view.worker_banner(worker)
    if page := view.next_step(overview):
        st.switch_page(f"../pages/{page}.py")
    latest = overview.latest_run
    rev = overview.project.label_rev
    wrong = None if latest is None else resources.wrong(project_id, latest.run_id, rev)
    view.numbers(overview, wrong, len(runs.list_runs(workspace, project_id)))
    view.review_state(overview)
    if overview.latest_run is not None:
        view.latest_run(overview.latest_run)
    if events := review.latest_events(workspace, project_id, limit=8):
        names = {info.class_id: info.name for info in projects.classes(workspace, project_id)}
        view.decisions(events, names)
