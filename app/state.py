"""The only file that names session_state keys: small ids and filters, never data."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

PROJECT = "project"
JOB = "job"
"""Query parameters: an address brings back project, import, and studies by their kind."""
QUEUE = frozenset(
    {"kind", "class_id", "given", "suggested", "tag", "low", "high", "confidence", "status"}
)
"""Query parameters that describe a queue, on the page Review only."""


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


def study_id(kind: str) -> int | None:
    """Return the study of this kind that is open: of this session, else of the address."""
    chosen: int | None = _get(kind)
    return chosen if chosen is not None else _number_in_address(kind)


def open_study(kind: str, study_id: int | None) -> None:
    """Open a study of this kind, or none; the address keeps it over a reload."""
    st.session_state[kind] = study_id
    _keep_in_address(kind, study_id)


def review_queue(project_id: int) -> dict[str, str]:
    """Return the queue that is open on Review, as query parameters: of this session or address."""
    chosen: tuple[int, dict[str, str]] | None = _get("review_queue")
    if chosen is not None:
        return chosen[1] if chosen[0] == project_id else {}
    asked = {name: st.query_params.get(name, "") for name in QUEUE}
    return {name: text for name, text in asked.items() if text}


def open_review_queue(project_id: int, query: Mapping[str, str]) -> None:
    """Let Review show this queue; `app.routes.queue_wire.queue_query` makes the parameters."""
    st.session_state["review_queue"] = (
        project_id,
        {name: query[name] for name in QUEUE & query.keys()},
    )


def keep_queue_in_address(query: Mapping[str, str]) -> None:
    """Keep the open queue in the address of Review: a reload or a bookmark brings it back."""
    for name in QUEUE:
        if st.query_params.get(name) != query.get(name):
            if name in query:
                st.query_params[name] = query[name]
            else:
                st.query_params.pop(name, None)


def review_by_tag(tag_id: int | None) -> None:
    """Let Review show the samples of this tag of the chosen project, or all again."""
    project = project_id()
    if project is not None:
        open_review_queue(project, {"kind": "tag", "tag": str(tag_id)} if tag_id else {})


def review_by_pair(*, given: int, suggested: int) -> None:
    """Let Review show the samples of the chosen project with this given and suggested class."""
    project = project_id()
    if project is not None:
        query = {"kind": "pair", "given": str(given), "suggested": str(suggested)}
        open_review_queue(project, query)


def note_settled(project_id: int, sample_id: int, version: int) -> None:
    """Remember which conflict was settled last, and the version of its sample since."""
    st.session_state["settled"] = (project_id, sample_id, version)


def last_settled(project_id: int) -> tuple[int, int] | None:
    """Return sample and version of the conflict of this project that was settled last."""
    kept: tuple[int, int, int] | None = _get("settled")
    return kept[1:] if kept is not None and kept[0] == project_id else None


def forget_settled() -> None:
    """Forget which conflict was settled last: it was taken back, or cannot be any more."""
    st.session_state["settled"] = None


def say_of_settling(text: str, *, show: int | None = None) -> None:
    """Keep what became of settling a conflict, and which sample is to be shown, if not the next."""
    st.session_state["said_of_settling"] = (text, show)


def said_of_settling() -> tuple[str, int | None]:
    """Return what became of settling the conflict before, and the sample to be shown."""
    kept: tuple[str, int | None] | None = _get("said_of_settling")
    return kept or ("", None)


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
