"""The only file that names session_state keys: small ids and filters, never data."""

from typing import Any

import streamlit as st

PROJECT = "project"
"""The query parameter and the key of the chosen project."""


def enter() -> None:
    """Note that this run came through the entry; every page asks for it."""
    st.session_state["entered"] = True


def entered() -> bool:
    """Say whether the entry ran in this session."""
    return bool(st.session_state.get("entered"))


def project_id() -> int | None:
    """Return the chosen project: of this session, else of the address."""
    chosen = st.session_state.get(PROJECT)
    if chosen is None:
        text = st.query_params.get(PROJECT, "")
        chosen = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
    return chosen


def settle_project(known: list[int]) -> None:
    """Fall back to the newest project where the chosen one is not there; keep the address right."""
    chosen = project_id()
    choose_project(chosen if chosen in known else (known[0] if known else None))


def choose_project(project_id: int | None) -> None:
    """Make this the chosen project, in the session and in the address."""
    st.session_state[PROJECT] = project_id
    if project_id is None:
        st.query_params.pop(PROJECT, None)
    elif st.query_params.get(PROJECT) != str(project_id):
        st.query_params[PROJECT] = str(project_id)


def watched_job() -> int | None:
    """Return the import or inspection that this session follows."""
    return _get("watched_job")


def watch_job(job_id: int | None) -> None:
    """Follow this job on the Data page, or none."""
    st.session_state["watched_job"] = job_id


def followed_export() -> int | None:
    """Return the export that this session started last."""
    return _get("followed_export")


def follow_export(job_id: int) -> None:
    """Note the export that this session started last, to say how it ended."""
    st.session_state["followed_export"] = job_id


def adding_data() -> bool:
    """Say whether the Data page shows the import although a project is open."""
    return bool(_get("adding_data"))


def add_data(adding: bool) -> None:  # noqa: FBT001 - the name says it
    """Open or close the import on the Data page."""
    st.session_state["adding_data"] = adding


def page_cursors(list_name: str, filters: object) -> list[str]:
    """Return the cursors of the pages turned so far; a change of filters starts again."""
    kept = st.session_state.get(f"pages_{list_name}")
    if kept is None or kept[0] != filters:
        kept = st.session_state[f"pages_{list_name}"] = (filters, [])
    cursors: list[str] = kept[1]
    return cursors


def _get(name: str) -> Any:
    return st.session_state.get(name)
