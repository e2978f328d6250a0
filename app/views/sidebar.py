"""The sidebar: which project, what is going on, who is reviewing."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.format import md_escape, percent, shorten
from turn_core.services.jobs import WorkerStatus
from turn_core.types import Job, JobKind, Project

KIND_TEXT: dict[JobKind, str] = {
    JobKind.INSPECT: "Inspecting",
    JobKind.IMPORT: "Importing",
    JobKind.TRAIN: "Training",
    JobKind.EXPORT: "Exporting",
    JobKind.EXPLORE: "Exploring",
    JobKind.WHAT_IF: "What if",
    JobKind.SEARCH: "Searching for settings",
    JobKind.COMPARE: "Comparing",
}


def project_switcher(projects: Sequence[Project], chosen: int | None) -> int | None:
    """Offer the projects; return the id of the chosen one, None where there is none."""
    if not projects:
        return None
    ids = [project.project_id for project in projects]
    names = {project.project_id: shorten(project.name, 34) for project in projects}
    # The key carries what is chosen elsewhere (a finished import, the address) into the widget.
    return st.selectbox(
        "Project",
        ids,
        index=ids.index(chosen) if chosen in ids else 0,
        format_func=lambda project_id: names[project_id],
        key=f"switcher_{chosen}_{len(ids)}",
    )


def no_role(name: str) -> None:
    """Say it to somebody who sees no project because they have no role."""
    st.info(
        f"**{md_escape(shorten(name, 40))}** has no role in any project, so none is shown. Ask an "
        "owner to add this name.",
        icon=":material/visibility_off:",
    )


def activity(read_jobs: Callable[[], list[Job]]) -> None:
    """Show the jobs under way, renewed every two seconds while there are any."""
    if read_jobs():
        st.fragment(_activity, run_every="2s")(read_jobs)


def _activity(read_jobs: Callable[[], list[Job]]) -> None:
    found = read_jobs()
    if not found:
        st.rerun()
    for job in found:
        progress = job.progress
        share = min(1.0, progress.step / progress.total) if progress.total else 0.0
        text = f"{KIND_TEXT[job.kind]} · {md_escape(progress.stage or job.state.value)}"
        st.progress(share, text=f"{text} · {percent(share, 0)}" if progress.total else text)


def worker_line(status: WorkerStatus) -> None:
    """Say it where nothing can be computed."""
    if not status.alive:
        st.caption(":orange-badge[:material/pause_circle: No worker is running]")


def reviewer_name(name: str) -> str | None:
    """Show who is reviewing; return another name when one was typed."""
    label = f":material/person: {md_escape(shorten(name, 24))}"
    with st.popover(label, width="stretch"), st.form("reviewer", border=False):
        typed = st.text_input(
            "Reviewer",
            value=name,
            max_chars=60,
            help="Your decisions are recorded under this name. It says who decided; it is not a "
            "password and protects nothing.",
        )
        sent = st.form_submit_button("Use this name", type="primary")
    return typed if sent and typed.strip() and typed.strip() != name else None


def signed_in(name: str, leave: Callable[[], None]) -> None:
    """Show who is signed in, and the way out."""
    label = f":material/person: {md_escape(shorten(name, 24))}"
    with st.popover(label, width="stretch"):
        st.caption(f"Signed in as {md_escape(name)}. Your decisions are recorded under this name.")
        st.button("Sign out", icon=":material/logout:", on_click=leave)
