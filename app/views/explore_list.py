"""Which exploration is open: reopen one, compare two, start another, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.format import md_escape, shorten, when
from turn_core.types import JobState
from turn_core.types.exploring import Exploration

NEW = 0
"""Stands for an exploration that is still to be started; ids begin at 1."""
_STATES = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted: the open exploration (`NEW` for the form), one to compare, one to delete."""

    opened: int
    other: int | None = None
    delete: bool = False


def choose(known: Sequence[Exploration], opened: int | None) -> Choice:
    """Show the explorations there are; return what is wanted of them."""
    if not known:
        return Choice(NEW)
    names = {exploration.exploration_id: _name(exploration) for exploration in known}
    options = [*names, NEW]
    start = opened if opened in options else options[0]
    first, second, third = st.columns([3, 2, 0.7], vertical_alignment="bottom", gap="medium")
    chosen = first.selectbox(
        "Exploration", options, index=options.index(start),
        format_func=lambda key: names.get(key, "New exploration"),
        key=f"explore_open_{start}_{len(options)}",
    )  # fmt: skip
    if chosen == NEW:
        return Choice(NEW)
    others = [key for key in names if key != chosen]
    other = second.selectbox(
        "Compare with", [None, *others], key=f"explore_other_{chosen}_{len(options)}",
        format_func=lambda key: "Nothing" if key is None else names[key], disabled=not others,
        help="Two explorations side by side; a selection holds in both.",
    )  # fmt: skip
    with third.popover(":material/more_horiz:", help="More", width="stretch"):
        new = st.button("New exploration", icon=":material/add:", key="explore_new")
        delete = _delete(next(e for e in known if e.exploration_id == chosen))
    return Choice(NEW) if new else Choice(chosen, other, delete)


def _delete(exploration: Exploration) -> bool:
    running = exploration.state in (JobState.QUEUED, JobState.RUNNING)
    st.caption(
        "Deletes the maps, figures and files of this exploration. Images, labels and tags stay."
    )
    return st.button(
        "Delete this exploration", icon=":material/delete:", disabled=running,
        key=f"explore_delete_{exploration.exploration_id}",
        help="Cancel it first." if running else None,
    )  # fmt: skip


def ended(exploration: Exploration) -> None:
    """Say why an exploration is not whole; what was ready stays."""
    kept = " The maps that were ready are kept." if exploration.panels else ""
    if exploration.state is JobState.FAILED:
        st.error(
            f"The exploration failed. {md_escape(exploration.error or '')}{kept}",
            icon=":material/error:",
        )
    elif exploration.state is JobState.CANCELLED:
        st.info(f"The exploration was cancelled.{kept}", icon=":material/cancel:")


def _name(exploration: Exploration) -> str:
    state = _STATES.get(exploration.state)
    end = f" · {state}" if state else ""
    return f"{shorten(exploration.name, 60)} · {when(exploration.created_at)}{end}"
