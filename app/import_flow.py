"""The way of an import: choose a source, look into it, confirm the columns, take it.

Each step is a job, so it survives a closed tab; the address keeps which one is followed.
"""

import streamlit as st

from app import job_flow, state
from app.components.uploader import Uploaded
from app.views import importing, progress
from turn_core.services import demo, imports, jobs, uploads
from turn_core.services.imports import ImportPlan, ImportRequest, SourceRef
from turn_core.services.workspace import Workspace
from turn_core.types import Job, JobKind, JobState


def begin(workspace: Workspace, reviewer: str) -> None:
    """Offer the sources; queue a look into the chosen one."""
    limit = workspace.settings.limits.archive_bytes
    chosen = importing.choose_source(imports.server_sources(workspace), max_bytes=limit)
    if chosen is None:
        return
    if isinstance(chosen, Uploaded):
        chosen = uploads.source(workspace, chosen.token)
    if isinstance(chosen, SourceRef):
        job = imports.start_inspect(workspace, chosen, actor=reviewer)
    else:
        job = demo.start_demo(workspace, reviewer)
    state.watch_job(job.job_id)
    st.rerun()


def go_on(workspace: Workspace, reviewer: str, job_id: int) -> None:
    """Show the inspection or import under way, or what comes after it."""
    if jobs.get_job(workspace, job_id).kind not in (JobKind.INSPECT, JobKind.IMPORT):
        state.leave_import()  # an address with the number of another job
        st.rerun()
    job = job_flow.follow(workspace, job_id, reviewer, key=f"import_{job_id}")
    if job.state is not JobState.DONE:
        progress.ended(job, "The import" if job.kind is JobKind.IMPORT else "Reading the source")
        _after_failure(job)
    elif job.kind is JobKind.INSPECT:
        _confirm(workspace, reviewer, job)
    elif job.result is not None:
        state.finish_import(int(str(job.result["project_id"])))
        st.rerun()


def _confirm(workspace: Workspace, reviewer: str, job: Job) -> None:
    chosen = importing.confirm(imports.report_of(job))
    if isinstance(chosen, ImportPlan):
        started = imports.start_import(workspace, ImportRequest(plan=chosen), actor=reviewer)
        state.note_inspection(job.job_id)
        state.watch_job(started.job_id)
    elif chosen == importing.OTHER:
        state.watch_job(None)
    if chosen is not None:
        st.rerun()


def _after_failure(job: Job) -> None:
    way = importing.after_failure(job, has_columns=state.inspected_job() is not None)
    if way is not None:
        state.watch_job(state.inspected_job() if way == importing.BACK else None)
        state.note_inspection(None)
        st.rerun()
