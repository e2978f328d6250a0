"""Which study is open: reopen one, set another beside it, start another, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.format import md_escape, shorten, when
from app.views.progress import ACTIVE
from turn_core.types import JobState
from turn_core.types.studies import P, Study, StudyKind

NEW = 0
"""Stands for a study that is still to be started; ids begin at 1."""
_STATES = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted: the open study (`NEW` for the form), one beside it, or to delete it."""

    opened: int
    other: int | None = None
    delete: bool = False


def choose(
    kind: StudyKind[P], known: Sequence[Study[P]], opened: int | None, *, deletes: str, pairs: bool
) -> Choice:
    """Show the studies there are, the newest first; return what is wanted of them."""
    if not known:
        return Choice(NEW)
    names = {study.study_id: _name(study) for study in known}
    options = [*names, NEW]
    start = opened if opened in options else options[0]
    widths = [3, 2, 0.7] if pairs else [5, 0.7]
    first, *between, last = st.columns(widths, vertical_alignment="bottom", gap="medium")
    chosen = first.selectbox(
        kind.name.capitalize(), options, index=options.index(start),
        format_func=lambda key: names.get(key, f"New {kind.name}"),
        key=f"{kind.job}_open_{start}_{len(options)}",
    )  # fmt: skip
    if chosen == NEW:
        return Choice(NEW)
    other = None
    for column in between:
        others = [key for key in names if key != chosen]
        other = column.selectbox(
            "Compare with", [None, *others], key=f"{kind.job}_other_{chosen}_{len(options)}",
            format_func=lambda key: "Nothing" if key is None else names[key], disabled=not others,
            help=f"Two {kind.name}s side by side; a selection holds in both.",
        )  # fmt: skip
    with last.popover(":material/more_horiz:", help="More", width="stretch"):
        new = st.button(f"New {kind.name}", icon=":material/add:", key=f"{kind.job}_new")
        delete = _delete(next(study for study in known if study.study_id == chosen), deletes)
    return Choice(NEW) if new else Choice(chosen, other, delete)


def ended(study: Study[P]) -> None:
    """Say why a study is not whole; what was ready stays."""
    kept = " What was ready is kept." if study.parts else ""
    if study.state is JobState.FAILED:
        st.error(
            f"The {study.kind.name} failed. {md_escape(study.error or '')}{kept}",
            icon=":material/error:",
        )
    elif study.state is JobState.CANCELLED:
        st.info(f"The {study.kind.name} was cancelled.{kept}", icon=":material/cancel:")


def _delete(study: Study[P], deletes: str) -> bool:
    running = study.state in ACTIVE
    st.caption(
        f"Deletes the {deletes} of this {study.kind.name}. Images, labels, tags and rounds stay."
    )
    return st.button(
        f"Delete this {study.kind.name}", icon=":material/delete:", disabled=running,
        key=f"{study.kind.job}_delete_{study.study_id}",
        help="Cancel it first." if running else None,
    )  # fmt: skip


def _name(study: Study[P]) -> str:
    state = _STATES.get(study.state)
    end = f" · {state}" if state else ""
    return f"{shorten(study.name, 60)} · {when(study.created_at)}{end}"
