"""How a project is reviewed: what its owner decides for everybody."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from turn_core.types import QueueKind, ReviewSettings
from turn_core.types.review_settings import MAX_OVERLAP

_QUEUES = {
    QueueKind.WORST_FIRST: "Worst first, or a label",
    QueueKind.PAIR: "A pair",
    QueueKind.NEAR_TAU: "Near the cut",
    QueueKind.DUPLICATES: "Same image, two labels",
    QueueKind.TAG: "A tag",
    QueueKind.AUDIT: "Random audit",
}


def form(found: ReviewSettings, *, may_change: bool) -> ReviewSettings | None:
    """Show the settings; return them when they were changed and sent."""
    with st.form("review_settings", border=True):
        st.markdown("**How labels are reviewed**")
        first, second, third = st.columns(3, gap="large", vertical_alignment="center")
        share = first.slider(
            "Random audit",
            0, 50, round(100 * found.audit_share), 1, format="%d %%",
            disabled=not may_change, key="review_audit_share",
            help="So many cards of the worst-first queue are drawn at random from all images. They "
            "are the only unbiased measure of how many labels are wrong and how many are left; 0 "
            "turns the audit off.",
        )  # fmt: skip
        overlap = second.number_input(
            "Reviewers per image", 1, MAX_OVERLAP, found.overlap, 1,
            disabled=not may_change, key="review_overlap",
            help="With more than one, a decision is a vote: the label changes once so many have "
            "voted and agree. Where they differ, an owner settles it on Adjudicate.",
        )  # fmt: skip
        blind = third.toggle(
            "Votes are blind", found.blind, disabled=not may_change, key="review_blind",
            help="Nobody sees others' votes on an image before all of them are in.",
        )  # fmt: skip
        overlaps = _of_queues(found.queue_overlaps, may_change=may_change)
        sent = st.form_submit_button("Save", disabled=not may_change)
    if not may_change:
        st.caption("Only an owner changes how labels are reviewed.")
    # What the slider cannot show stays as it is.
    same = share == round(100 * found.audit_share)
    wanted = replace(
        found,
        audit_share=found.audit_share if same else share / 100,
        overlap=int(overlap),
        queue_overlaps=overlaps,
        blind=blind,
    )
    return wanted if sent and wanted != found else None


def _of_queues(found: Mapping[QueueKind, int], *, may_change: bool) -> dict[QueueKind, int]:
    """Show the number of each queue, empty where it is that of the project."""
    with st.expander("Different numbers per queue", expanded=bool(found)):
        st.caption(
            "An image that was voted on in several queues takes the largest of their numbers. "
            "Leave a queue empty to use *Reviewers per image*."
        )
        columns, wanted = st.columns(3, gap="large"), {}
        for place, (kind, name) in enumerate(_QUEUES.items()):
            wanted[kind] = columns[place % 3].number_input(
                name, 1, MAX_OVERLAP, found.get(kind), 1,
                placeholder="as above", disabled=not may_change, key=f"review_overlap_{kind.value}",
            )  # fmt: skip
    return {kind: int(number) for kind, number in wanted.items() if number is not None}
