"""What stands around the review card."""

from collections.abc import Sequence

import streamlit as st

from app.format import md_escape, shorten
from turn_core.types import ClassInfo, QueueFilter, Run


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


def heading(run: Run, classes: Sequence[ClassInfo]) -> QueueFilter:
    """Show which round is reviewed; return the queue that is asked for."""
    names = {info.class_id: info.name for info in classes}
    title, chosen = st.columns([3, 1], vertical_alignment="bottom")
    backbone = md_escape(shorten(run.backbone.rstrip("/").rsplit("/", 1)[-1], 40))
    with title.container(gap=None):
        st.title("Review")
        st.caption(f"Round {run.number} · {backbone} · most suspicious first")
    class_id = chosen.selectbox(
        "Label",
        [None, *names],
        format_func=lambda key: "All classes" if key is None else shorten(names[key], 40),
        key="review_class",
    )
    return QueueFilter(class_id=class_id)
