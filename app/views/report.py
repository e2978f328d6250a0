"""The report of an import: what was taken, what was not, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.format import count, md_escape, plural
from app.views.importing import refusal_table
from turn_core.types import RefusedItem

_LABELS = {
    "num_samples": "Images imported",
    "num_refused": "Refused",
    "num_unlabelled": "Without a label",
    "num_with_true_label": "With a true label",
    "num_ignored": "Other files ignored",
    "num_identical": "Exact duplicates",
}


def import_title(*, can_close: bool) -> bool:
    """Show the head of the import; return True when the person goes back to the project."""
    title, button = st.columns([4, 1], vertical_alignment="center")
    title.title("Import images")
    return can_close and button.button(
        "Close", icon=":material/close:", key="import_close", width="stretch",
        help="Back to the project; what is being imported goes on.",
    )  # fmt: skip


def data_title() -> bool:
    """Show the head of the Data page; return True when the person wants to import more."""
    title, button = st.columns([4, 1], vertical_alignment="center")
    title.title("Data")
    return button.button(
        "New project", icon=":material/add:", key="add_data", width="stretch",
        help="Imports another set of images as a project of its own.",
    )  # fmt: skip


def import_report(report: Mapping[str, Any] | None, refusals: Sequence[RefusedItem]) -> None:
    """Show the numbers of an import, its warnings, and every refused item."""
    if report is None:
        st.caption("This project was made without an import report.")
        return
    shown = {text: report[key] for key, text in _LABELS.items() if isinstance(report.get(key), int)}
    with st.grid(6, min_column_width=150):
        for text, value in shown.items():
            st.metric(text, count(value), border=True)
    notes = report.get("notes")
    for note, number in notes.items() if isinstance(notes, Mapping) else ():
        st.caption(f"{count(number)} × {md_escape(str(note))}")
    for warning in report.get("warnings") or ():
        st.warning(md_escape(str(warning)), icon=":material/warning:")
    if not refusals:
        st.success("Every image and label was taken.", icon=":material/check_circle:")
        return
    st.subheader(f"{plural(len(refusals), 'item')} refused")
    reasons = Counter(item.reason for item in refusals)
    if len(reasons) > 1:
        for reason, number in reasons.most_common(8):
            st.markdown(f"- {count(number)} × {md_escape(reason)}")
    refusal_table([(item.name, item.reason) for item in refusals], key="report_refused")
