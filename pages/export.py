"""Export: the corrected labels, the images, or the model, as files."""

import streamlit as st

from app import auth, job_flow, state
from app.views import exporting as view
from app.views import progress
from app.views.empty import no_project
from turn_core.services import exports, jobs, runs
from turn_core.types import JobKind

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
st.title("Export")
if project_id is None:
    no_project()
    st.stop()

formats = exports.FORMATS
wanted = view.choose(formats, runs.latest_complete_run(workspace, project_id))
if wanted is not None:
    options = {"include_excluded": wanted.include_excluded}
    job = exports.start_export(
        workspace, project_id, wanted.format, options=options, actor=reviewer
    )
    state.follow_export(job.job_id)
    st.rerun()
active = jobs.list_jobs(workspace, project_id=project_id, active_only=True)
for job in (job for job in active if job.kind is JobKind.EXPORT):
    job_flow.follow(workspace, job.job_id, reviewer, key=f"export_{job.job_id}")
if (last := state.followed_export()) is not None:
    progress.ended(jobs.get_job(workspace, last), "The export")
st.subheader("Files")
if done := exports.list_exports(workspace, project_id):
    view.history(project_id, done, formats)
else:
    st.caption("No export yet. Choose a format above; the file appears here.")
