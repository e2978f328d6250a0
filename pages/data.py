"""Data: import images with labels, see what was taken and what was not, browse."""

import streamlit as st

from app import auth, resources, state
from app.components.uploader import Uploaded
from app.views import browse, importing, progress, report
from turn_core.services import demo, imports, jobs, projects, runs, samples
from turn_core.types import JobKind, JobState

reviewer = auth.gate()
workspace = resources.workspace()
project_id = state.project_id()


def add_data() -> None:
    """Choose a source, or go on with the one that is being looked into or imported."""
    job_id = state.watched_job()
    if job_id is None:
        limit = workspace.settings.limits.archive_bytes
        source = importing.choose_source(imports.server_sources(workspace), max_bytes=limit)
        if source == "demo":
            state.watch_job(demo.start_demo(workspace, actor=reviewer).job_id)
        elif isinstance(source, Uploaded):
            state.watch_job(imports.inspect_upload(workspace, source.token, actor=reviewer).job_id)
        elif source is not None:
            state.watch_job(imports.inspect_server(workspace, source, actor=reviewer).job_id)
        if source is not None:
            st.rerun()
        return
    alive = jobs.worker_status(workspace).alive
    job = progress.follow(
        lambda: jobs.get_job(workspace, job_id),
        lambda: jobs.cancel(workspace, job_id, actor=reviewer),
        worker_alive=alive,
        key=f"import_{job_id}",
    )


st.title("Data")
