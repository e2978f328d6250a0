"""Entry of the app: what every page has around it. Started by serve.py."""

from pathlib import Path

import streamlit as st

from app import auth, resources, sign_in, state
from app.navigation import PAGES
from app.views import sidebar
from app.views.told import told
from turn_core.services import jobs, permissions, projects

ASSETS = Path(__file__).resolve().parent / "assets"

st.set_page_config(
    page_title="TURN Audit",
    page_icon=str(ASSETS / "favicon.png"),
    layout="wide",
    initial_sidebar_state=250,
)
st.html(ASSETS / "page.css")
st.logo(str(ASSETS / "logo.svg"), size="large")
resources.freeze_imports()
state.enter()
pages = [
    st.Page(f"../pages/{name}.py", title=title, icon=icon, default=name == PAGES[0][0])
    for name, title, icon in PAGES
]
admitted = auth.admitted()
page = st.navigation(pages, position="sidebar" if admitted else "hidden")
if not admitted:
    auth.only_page()()
    st.stop()
with told():
    workspace, reviewer = auth.workspace(), auth.gate()
    known = projects.list_projects(workspace)
    state.settle_project([project.project_id for project in known])
    with st.sidebar:
        chosen = sidebar.project_switcher(known, state.project_id())
        if chosen != state.project_id():
            state.choose_project(chosen)
            st.rerun()
        if not known and not permissions.known(workspace, reviewer):
            sidebar.no_role(reviewer)
        sidebar.activity(lambda: jobs.list_jobs(workspace, active_only=True))
        sidebar.worker_line(jobs.worker_status(workspace))
        if sign_in.required():
            sidebar.signed_in(reviewer, auth.leave)
        elif new_name := sidebar.reviewer_name(reviewer):
            auth.rename(new_name)
            st.rerun()
    page.run()
