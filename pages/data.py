"""Data: import images with labels, see what was taken and what was not, browse."""

import streamlit as st

from app import auth, data_flow, import_flow, state
from app.views import browse, report
from turn_core.services import projects

IMAGES, CLASSES, REPORT, PROJECT = "Images", "Classes", "Import report", "Project"

reviewer = auth.gate()
workspace = auth.workspace()
project_id, job_id = state.project_id(), state.watched_job()
if project_id is None or job_id is not None or state.adding_data():
    if report.import_title(can_close=project_id is not None):
        state.leave_import()
        st.rerun()
    if job_id is None:
        import_flow.begin(workspace, reviewer)
    else:
        import_flow.go_on(workspace, reviewer, job_id)
    st.stop()

if report.data_title():
    state.add_data()
    st.rerun()
part = st.segmented_control(
    "Show",
    [IMAGES, CLASSES, REPORT, PROJECT],
    default=IMAGES,
    key="data_part",
    label_visibility="collapsed",
)
classes = projects.classes(workspace, project_id)
if part == REPORT:
    overview = projects.overview(workspace, project_id)
    report.import_report(overview.import_report, projects.refusals(workspace, project_id))
elif part == CLASSES:
    browse.class_table(classes)
elif part == PROJECT:
    data_flow.settings(workspace, project_id, reviewer)
else:
    data_flow.images(workspace, project_id, classes)
