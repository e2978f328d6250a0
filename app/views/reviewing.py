"""What stands around the review card."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app.format import md_escape, shorten
from app.routes.queue_wire import queue_from
from turn_core.errors import DataError
from turn_core.types import ClassInfo, QueueFilter, QueueKind, Run


def nothing_yet(*, has_project: bool) -> str | None:
    """Say why there is nothing to review; return the page that its button leads to."""
    st.title("Review")
    with st.container(border=True, key="review_empty"):
        if has_project:
            st.subheader("There is nothing to review yet")
            st.markdown("Train a first round: it ranks the labels by how likely they are wrong.")
            return "runs" if st.button("Train the first round", type="primary") else None
        st.subheader("There is no project yet")
        st.markdown("Import images with labels, or try the demo.")
        return "data" if st.button("Import images", type="primary") else None


def heading(run: Run) -> None:
    """Show which round is reviewed."""
    backbone = md_escape(shorten(run.backbone.rstrip("/").rsplit("/", 1)[-1], 40))
    with st.container(gap=None):
        st.title("Review")
        st.caption(f"Round {run.number} · {backbone} · most suspicious first")


def wanted_queue(query: Mapping[str, str], *, settles: bool) -> QueueFilter:
    """Return the queue that the session or the address asks for; all samples if that makes none.

    Where reviewers disagree is for those alone who may settle it.
    """
    try:
        found = queue_from(query)
    except DataError as error:
        return _all_samples(md_escape(str(error)))
    if found.kind is QueueKind.DISAGREEMENT and not settles:
        return _all_samples("An owner settles what reviewers disagree on")
    return found


def _all_samples(why: str) -> QueueFilter:
    st.warning(f"{why}. All samples are shown.", icon=":material/filter_alt_off:")
    return QueueFilter()


def names_of(classes: Sequence[ClassInfo]) -> list[list[int | str]]:
    """Return [id, name] of the classes in the order of their names."""
    return [
        [info.class_id, info.name] for info in sorted(classes, key=lambda info: info.name.lower())
    ]
