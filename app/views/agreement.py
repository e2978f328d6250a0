"""How far reviewers agree, and what each of them did."""

from collections.abc import Sequence

import streamlit as st

from app.format import count, number, percent, plural
from turn_core.types import Interval
from turn_core.types.voting import Agreement, ReviewerFigures

KAPPA_HELP = (
    "Agreement beyond chance: 1 is full agreement, 0 what people would reach who choose at random "
    "with the frequencies at which they chose each label, below 0 less than that."
)


def agreement(found: Agreement) -> None:
    """Show how far reviewers agree on the images with all their votes, together and in pairs."""
    st.subheader("How far reviewers agree")
    if not found.num_samples:
        st.caption(
            "No image has two votes yet. Where several reviewers vote on each image (Data, "
            "*Project*), their agreement is measured here."
        )
        return
    with st.grid(3, min_column_width=190):
        _tile(
            "Images with all votes",
            count(found.num_samples),
            f"by {plural(found.num_reviewers, 'reviewer')}",
        )
        _tile(
            "Agreement",
            percent(found.percent),
            "of all pairs of votes",
            "Share of the pairs of votes on one image that are the same.",
        )
        _tile("Fleiss' kappa", *_kappa(found.fleiss_kappa), KAPPA_HELP)
    if not found.pairs:
        return
    st.dataframe(
        {
            "Reviewer": [pair.first for pair in found.pairs],
            "And": [pair.second for pair in found.pairs],
            "Images in common": [pair.num_common for pair in found.pairs],
            "Agreement": [percent(pair.percent) for pair in found.pairs],
            "Cohen's kappa": [_kappa(pair.cohen_kappa)[0] for pair in found.pairs],
            "95 %": [_bounds(pair.cohen_kappa) for pair in found.pairs],
        },
        hide_index=True,
        width="stretch",
        key="agreement_pairs",
    )


def reviewers(found: Sequence[ReviewerFigures]) -> None:
    """List what each reviewer did; nothing where nobody did anything."""
    if not found:
        return
    st.subheader("Who did what")
    st.dataframe(
        {
            "Reviewer": [one.name for one in found],
            "Decisions": [one.decisions for one in found],
            "Per hour": [_or_dash(one.per_hour) for one in found],
            "Median time": [_seconds(one.seconds_median) for one in found],
            "Changed the label": [_share(one.changed) for one in found],
            "Same as the consensus": [_share(one.with_consensus) for one in found],
        },
        hide_index=True,
        width="stretch",
        key="reviewer_figures",
        column_config={
            "Per hour": st.column_config.TextColumn(
                help="Of decisions made one by one, by the time that each took."
            ),
            "Changed the label": st.column_config.TextColumn(
                help="Share of decisions that gave another label, with Wilson's interval."
            ),
            "Same as the consensus": st.column_config.TextColumn(
                help="Share of votes that are the likeliest outcome by all votes (Dawid and Skene)."
            ),
        },
    )


def _tile(label: str, value: str, below: str, tip: str | None = None) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, help=tip)


def _kappa(found: Interval | None) -> tuple[str, str]:
    if found is None:
        return "–", "chance alone explains it"
    return number(found.value, 2), f"95 %: {_bounds(found)}"


def _bounds(found: Interval | None) -> str:
    return "–" if found is None else f"{found.low:.2f} to {found.high:.2f}"


def _share(found: Interval | None) -> str:
    if found is None:
        return "–"
    return f"{percent(found.value, 0)} ({100 * found.low:.0f}–{100 * found.high:.0f} %)"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else count(value)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
