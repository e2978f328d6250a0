"""A job as it goes on: stage, step, rate, time left, curves, and Cancel."""

from collections.abc import Callable

import streamlit as st

from app.components.curves import curves
from app.format import count, duration, md_escape, percent
from turn_core.types import Job, JobState, Progress

ACTIVE = (JobState.QUEUED, JobState.RUNNING)


def follow(
    read: Callable[[], Job], cancel: Callable[[], object], *, worker_alive: bool, key: str
) -> Job:
    """Show an active job, renewed every second; when it ends the page runs again."""
    job = read()
    if job.state in ACTIVE:
        st.fragment(_show, run_every="1s")(read, cancel, worker_alive, key)
    return job


def _show(
    read: Callable[[], Job], cancel: Callable[[], object], worker_alive: bool, key: str
) -> None:
    job = read()
    if job.state not in ACTIVE:
        st.rerun()
    with st.container(border=True, key=f"job_{key}"):
        head, button = st.columns([5, 1], vertical_alignment="center")
        head.markdown(f"**{_headline(job, worker_alive)}**")
        stopping = job.cancel_requested
        if button.button(
            "Stopping" if stopping else "Cancel",
            key=f"cancel_{key}",
            disabled=stopping,
            width="stretch",
            help="Ends the job within seconds; nothing half done is kept.",
        ):
            cancel()
            st.rerun(scope="fragment")
        progress = job.progress
        st.progress(share_done(progress), text=_detail(progress))
        if progress.message:
            st.caption(md_escape(progress.message))
        curves(progress.curves, key=f"curves_{key}")


def share_done(progress: Progress) -> float:
    """Return how much of the present stage is done, 0..1."""
    return min(1.0, progress.step / progress.total) if progress.total else 0.0


def _headline(job: Job, worker_alive: bool) -> str:
    if job.state is JobState.QUEUED:
        return "Waiting for its turn" if worker_alive else "Waiting: no worker is running"
    progress = job.progress
    stage = md_escape(progress.stage or "Starting")
    if progress.num_stages:
        stage = f"{stage} · stage {progress.stage_index} of {progress.num_stages}"
    return stage if job.attempt <= 1 else f"{stage} · attempt {job.attempt}"


def _detail(progress: Progress) -> str:
    parts = []
    if progress.total:
        parts.append(f"{count(progress.step)} of {count(progress.total)}")
        parts.append(percent(share_done(progress), 0))
    if progress.rate:
        parts.append(f"{progress.rate:,.1f} per second")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return " · ".join(parts) or "Preparing"


def ended(job: Job, what: str) -> None:
    """Say why a job ended without a result; nothing for one that is done."""
    if job.state is JobState.FAILED:
        st.error(f"{what} failed. {md_escape(job.error or '')}", icon=":material/error:")
    elif job.state is JobState.CANCELLED:
        st.info(f"{what} was cancelled; nothing of it was kept.", icon=":material/cancel:")
