"""The ledger: what is looked for, the decisions, and the files to take along."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from app.format import plural, when
from turn_core.services.ledger import LedgerFilter
from turn_core.types import Action, LabelEvent
from turn_core.types.voting import Vote

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
    st.caption("Everything that was decided. Nothing is ever changed or deleted.")


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
    _files(plural(total, "decision"), csv, parquet, query_of(wanted))


def wants_votes() -> bool:
    """Offer decisions or votes; return True for votes."""
    chosen = st.segmented_control(
        "Show", ["Decisions", "Votes"], default="Decisions", key="ledger_part",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen == "Votes"


def vote_table(votes: Sequence[Vote], names: Mapping[int, str]) -> None:
    """List votes."""
    st.dataframe(
        {
            "When": [when(vote.at) for vote in votes],
            "Who": [vote.actor for vote in votes],
            "Image": [vote.file_name for vote in votes],
            "Vote": [ACTION_TEXT[vote.action] for vote in votes],
            "For": [
                "" if vote.class_id is None else names.get(vote.class_id, "") for vote in votes
            ],
            "Stands": [vote.counts for vote in votes],
            "All votes in": [not vote.is_open for vote in votes],
            "Seconds": [vote.seconds_spent for vote in votes],
            "Run": [vote.run_id for vote in votes],
            "Queue": [vote.queue.replace("_", " ") for vote in votes],
            "Bulk": [vote.bulk for vote in votes],
        },
        hide_index=True,
        width="stretch",
        key="ledger_votes",
        column_config={"Seconds": st.column_config.NumberColumn(format="%.1f")},
    )


def vote_files(csv: str, parquet: str) -> None:
    """Offer all votes as files at these addresses."""
    _files("All votes", csv, parquet, {})


def _files(what: str, csv: str, parquet: str, query: Mapping[str, str]) -> None:
    def link(address: str, text: str, **more: str) -> str:
        target = f"{address}?{urlencode({**query, **more})}".replace("&", "&amp;")
        return f'<a href="{target}" download>{text}</a>'

    st.html(
        f'<p class="turn-links">{what} as {link(csv, "CSV")}, '
        f"{link(csv, 'CSV for spreadsheets', **{'for': 'spreadsheets'})} or "
        f"{link(parquet, 'Parquet')}</p>"
    )
