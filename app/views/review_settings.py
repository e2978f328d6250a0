"""How a project is reviewed: what its owner decides for everybody."""

from dataclasses import replace

import streamlit as st

from turn_core.types import ReviewSettings
from turn_core.types.reviewing import MAX_OVERLAP


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
        sent = st.form_submit_button("Save", disabled=not may_change)
    if not may_change:
        st.caption("Only an owner changes how labels are reviewed.")
    # What the slider cannot show stays as it is.
    same = share == round(100 * found.audit_share)
    wanted = replace(
        found,
        audit_share=found.audit_share if same else share / 100,
        overlap=int(overlap),
        blind=blind,
    )
    return wanted if sent and wanted != found else None
