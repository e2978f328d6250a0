"""How a project is reviewed: what its owner decides for everybody."""

from dataclasses import replace

import streamlit as st

from turn_core.types import ReviewSettings


def form(found: ReviewSettings, *, may_change: bool) -> ReviewSettings | None:
    """Show the settings; return them when they were changed and sent."""
    with st.form("review_settings", border=True):
        st.markdown("**How labels are reviewed**")
        share = st.slider(
            "Random audit, share of the cards",
            0, 50, round(100 * found.audit_share), 1, format="%d %%",
            disabled=not may_change, key="review_audit_share",
            help="So many cards of the worst-first queue are drawn at random from all images. They "
            "are the only unbiased measure of how many labels are wrong and how many are left; 0 "
            "turns the audit off.",
        )  # fmt: skip
        sent = st.form_submit_button("Save", disabled=not may_change)
    if not may_change:
        st.caption("Only an owner changes how labels are reviewed.")
    # What the slider cannot show stays as it is.
    same = share == round(100 * found.audit_share)
    wanted = replace(found, audit_share=found.audit_share if same else share / 100)
    return wanted if sent and wanted != found else None
