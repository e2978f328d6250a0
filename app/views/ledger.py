"""The ledger: what is looked for, the decisions, and the files to take along."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from app.format import plural, when
from turn_core.services.ledger import LedgerFilter
from turn_core.types import Action, LabelEvent

ACTION_TEXT: dict[Action, str] = {
    Action.KEEP: "Kept",
    Action.RELABEL: "Relabeled",
    Action.EXCLUDE: "Excluded",
    Action.NEEDS_REVIEW: "Sent to a second reader",
    Action.SKIP: "Skipped",
    Action.UNDO: "Undone",
}
"""What each decision is called in the ledger."""
_BULK = {None: "Single and bulk", False: "Single", True: "Bulk"}


def heading() -> None:
    """Say what the ledger is."""
    st.title("Ledger")
    st.caption("Every decision, the newest first. Nothing is ever changed or deleted.")


def filters(people: Sequence[str], queues: Sequence[str]) -> LedgerFilter:
    """Ask for what is looked for."""
    who, what, queue, bulk = st.columns(4)
    actor = who.selectbox("Who", ["", *people], format_func=lambda name: name or "Everybody")
    action = what.selectbox(
        "Decision",
        [None, *Action],
        format_func=lambda one: "All decisions" if one is None else ACTION_TEXT[one],
    )
    name = queue.selectbox(
        "Queue", ["", *queues], format_func=lambda one: one.replace("_", " ") or "All queues"
    )
    many = bulk.selectbox("How", list(_BULK), format_func=_BULK.__getitem__)
    return LedgerFilter(actor=actor, action=action, queue=name, bulk=many)


def query_of(wanted: LedgerFilter) -> dict[str, str]:
    """Return the query parameters that the file's route reads as this filter."""
    bulk = {None: "", True: "true", False: "false"}[wanted.bulk]
    action = "" if wanted.action is None else wanted.action.value
    asked = {"actor": wanted.actor, "action": action, "queue": wanted.queue, "bulk": bulk}
    return {name: text for name, text in asked.items() if text}


def table(events: Sequence[LabelEvent], names: Mapping[int, str]) -> None:
    """List decisions."""

    def name(class_id: int | None) -> str:
        return "" if class_id is None else names.get(class_id, "")

    st.dataframe(
        {
            "When": [when(event.at) for event in events],
            "Who": [event.actor for event in events],
            "Image": [event.file_name for event in events],
            "Decision": [ACTION_TEXT[event.action] for event in events],
            "Before": [name(event.previous_class_id) for event in events],
            "Label": [name(event.class_id) for event in events],
            "Seconds": [event.seconds_spent for event in events],
            "Run": [event.run_id for event in events],
            "Queue": [event.queue.replace("_", " ") for event in events],
            "Bulk": [event.bulk for event in events],
        },
        hide_index=True,
        width="stretch",
        column_config={"Seconds": st.column_config.NumberColumn(format="%.1f")},
    )


def downloads(csv: str, parquet: str, wanted: LedgerFilter, total: int) -> None:
    """Offer what is looked for as files at these addresses."""
    query = query_of(wanted)

    def link(address: str, text: str, **more: str) -> str:
        target = f"{address}?{urlencode(query | more)}".replace("&", "&amp;")
        return f'<a href="{target}" download>{text}</a>'

    st.html(
        f'<p class="turn-links">{plural(total, "decision")} as {link(csv, "CSV")}, '
        f"{link(csv, 'CSV for spreadsheets', **{'for': 'spreadsheets'})} or "
        f"{link(parquet, 'Parquet')}</p>"
    )
