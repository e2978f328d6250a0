"""The only file that names session_state keys: small ids and filters, never data."""

from typing import Any

import streamlit as st

PROJECT = "project"
JOB = "job"
EXPLORATION = "exploration"
"""Names of the query parameters: an address brings back the project, import and exploration."""


def enter() -> None:
    """Note that this run came through the entry; every page asks for it."""
    st.session_state["entered"] = True


def entered() -> bool:
    """Say whether the entry ran in this session."""
    return bool(st.session_state.get("entered"))


def project_id() -> int | None:
    """Return the chosen project: of this session, else of the address."""
    chosen: int | None = _get(PROJECT)
    return chosen if chosen is not None else _number_in_address(PROJECT)


def settle_project(known: list[int]) -> None:
    """Fall back to the newest project where the chosen one is not there; keep the address right."""
    chosen = project_id()
    choose_project(chosen if chosen in known else (known[0] if known else None))


def choose_project(project_id: int | None) -> None:
    """Make this the chosen project, in the session and in the address."""
    st.session_state[PROJECT] = project_id
    _keep_in_address(PROJECT, project_id)


def watched_job() -> int | None:
    """Return the import or inspection that the Data page follows: of this session or address."""
    job_id: int | None = _get("watched_job")
    return job_id if job_id is not None else _number_in_address(JOB)


def watch_job(job_id: int | None) -> None:
    """Follow this job on the Data page, or none; the address keeps it over a reload."""
    st.session_state["watched_job"] = job_id
    _keep_in_address(JOB, job_id)


def inspected_job() -> int | None:
    """Return the inspection whose columns were confirmed last."""
    job_id: int | None = _get("inspected_job")
    return job_id


def note_inspection(job_id: int | None) -> None:
    """Remember the inspection to come back to when the import of its plan fails."""
    st.session_state["inspected_job"] = job_id


def followed_export() -> int | None:
    """Return the export that this session started last."""
    job_id: int | None = _get("followed_export")
    return job_id


def follow_export(job_id: int) -> None:
    """Note the export that this session started last, to say how it ended."""
    st.session_state["followed_export"] = job_id


def adding_data() -> bool:
    """Say whether the Data page shows the import although a project is open."""
    return bool(_get("adding_data"))


def add_data() -> None:
    """Open the import on the Data page although a project is open."""
    st.session_state["adding_data"] = True


def leave_import() -> None:
    """Close the import; what runs goes on."""
    st.session_state["adding_data"] = False
    watch_job(None)


def finish_import(project_id: int) -> None:
    """Close the import and open the project that it made."""
    leave_import()
    note_inspection(None)
    choose_project(project_id)


def exploration_id() -> int | None:
    """Return the exploration that is open: of this session, else of the address."""
    chosen: int | None = _get(EXPLORATION)
    return chosen if chosen is not None else _number_in_address(EXPLORATION)


def open_exploration(exploration_id: int | None) -> None:
    """Open an exploration, or none; the address keeps it over a reload."""
    st.session_state[EXPLORATION] = exploration_id
    _keep_in_address(EXPLORATION, exploration_id)


def review_tag() -> int | None:
    """Return the tag whose samples are wanted for review, None for all samples."""
    tag_id: int | None = _get("review_tag")
    return tag_id


def review_by_tag(tag_id: int | None) -> None:
    """Let Review show the samples of this tag, or all again."""
    st.session_state["review_tag"] = tag_id


def page_cursors(list_name: str, filters: object) -> list[str]:
    """Return the cursors of the pages turned so far; a change of filters starts again."""
    kept = st.session_state.get(f"pages_{list_name}")
    if kept is None or kept[0] != filters:
        kept = st.session_state[f"pages_{list_name}"] = (filters, [])
    cursors: list[str] = kept[1]
    return cursors


def _get(name: str) -> Any:
    return st.session_state.get(name)


def _number_in_address(name: str) -> int | None:
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _keep_in_address(name: str, number: int | None) -> None:
    if number is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != str(number):
        st.query_params[name] = str(number)
