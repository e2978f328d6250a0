"""Data: import images with labels, see what was taken and what was not, browse."""

import streamlit as st

from app import auth, import_flow, resources, state
from app.views import browse, report
from turn_core.services import projects, runs, samples

BROWSE, REPORT, CLASSES = "Images", "Import report", "Classes"

reviewer = auth.gate()
workspace = resources.workspace()
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
classes = projects.classes(workspace, project_id)
names = {info.class_id: info.name for info in classes}
part = st.segmented_control(
    "Show", [BROWSE, REPORT, CLASSES], default=BROWSE, key="data_part", label_visibility="collapsed"
)
if part == REPORT:
    overview = projects.overview(workspace, project_id)
    report.import_report(overview.import_report, projects.refusals(workspace, project_id))
elif part == CLASSES:
    browse.class_table(classes)
else:
    run = runs.latest_complete_run(workspace, project_id)
    wanted = browse.filters(classes, has_run=run is not None)
    cursors = state.page_cursors("browse", (project_id, wanted))
    page = samples.browse(
        workspace,
        project_id,
        class_id=wanted.class_id,
        status=wanted.status,
        state=wanted.state,
        text=wanted.text,
        run_id=None if run is None else run.run_id,
        order=wanted.order,
        after=cursors[-1] if cursors else None,
        limit=browse.PAGE_SIZE,
    )
    opened = browse.grid(project_id, page.items, names, key="browse_grid")
    if browse.pager(cursors, page.next_cursor, page.total, len(page.items)):
        st.rerun()
    if opened is not None:
        sample = samples.get_sample(workspace, project_id, opened)
        browse.detail(project_id, sample, samples.history(workspace, project_id, opened), names)
