"""What-if on the Quality page: what would be found if known labels were wrong."""

from collections.abc import Sequence

import streamlit as st

from app.format import count, number, percent, plural, when
from turn_core.config import NoiseConfig, WhatIfConfig
from turn_core.noise_config import NoiseKind
from turn_core.services.what_if import Spread, WhatIf

KINDS: dict[NoiseKind, str] = {
    "symmetric": "Symmetric: any class",
    "asymmetric_next": "Asymmetric: to the next class",
    "instance_xia": "Instance-dependent: the image decides",
}
"""The kinds that need nothing but the data."""
SOURCES = {"trusted": "labels that people confirmed", "clean": "labels that the round believes"}


def ask(*, has_features: bool) -> WhatIfConfig | None:
    """Show the form; return what is to be tried."""
    st.subheader("What if")
    st.caption(
        "Puts wrong labels into the part of your data that is known or believed to be right, runs "
        "step 1 again, and measures how many of them it finds: whether to trust the order before "
        "paying for the review."
    )
    with st.form("what_if", border=True):
        left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom", gap="medium")
        kind = left.selectbox(
            "Noise", list(KINDS), format_func=lambda key: KINDS[key], key="what_if_kind"
        )
        level = middle.slider(
            "Share of labels to make wrong", 5, 80, 20, 5, format="%d %%", key="what_if_level"
        )
        start = right.form_submit_button(
            "Try it", icon=":material/science:", width="stretch", disabled=not has_features
        )
    if not has_features:
        st.caption("This round kept no features to try it on: train another one.")
    if not start:
        return None
    return WhatIfConfig(noise=NoiseConfig(kind=kind, level=level / 100))


def results(found: Sequence[WhatIf]) -> None:
    """List the finished what-ifs; spreads are standard deviations over the draws."""
    if not found:
        return
    latest = found[0]
    st.markdown(_verdict(latest))
    st.dataframe(
        {
            "Noise": [KINDS.get(item.kind, item.kind) for item in found],  # type: ignore[call-overload]
            "Truly wrong": [_percent(item.measures.get("noise_rate")) for item in found],
            "Estimated": [_percent(item.measures.get("estimated_rate")) for item in found],
            "AUROC": [_spread(item.measures.get("auroc")) for item in found],
            "Average precision": [
                _spread(item.measures.get("average_precision")) for item in found
            ],
            "Lift at 100": [_spread(item.measures.get("lift_100"), 1) for item in found],
            "Purity of the clean subset": [_percent(item.measures.get("purity")) for item in found],
            "Effort saved": [_percent(item.measures.get("effort_saved")) for item in found],
            "Found at 10 / 20 / 30 %": [_found(item) for item in found],
            "Based on": [_basis(item) for item in found],
            "When": [when(item.finished_at) for item in found],
        },
        hide_index=True,
        width="stretch",
        key="what_if_results",
    )
    if latest.source == "clean":
        st.caption(
            "Too few labels are confirmed by people, so those that the round believes clean were "
            "used. They are the easy ones: expect somewhat less on the rest."
        )
    if latest.num_classes_left_out:
        st.caption(
            f"{plural(latest.num_classes_left_out, 'class')} with fewer than 10 such labels were "
            "left out."
        )


def _verdict(item: WhatIf) -> str:
    saved, found = item.measures.get("effort_saved"), item.measures.get("found_20")
    if saved is None or found is None:
        return "Nothing became wrong in the latest try: raise the share."
    return (
        f"With {_percent(item.measures.get('noise_rate'))} wrong labels, reviewing the first 20 % "
        f"finds **{percent(found.mean, 0)}** of them, and finding 80 % takes "
        f"**{percent(saved.mean, 0)}** fewer reviews than in random order."
    )


def _found(item: WhatIf) -> str:
    found = [item.measures.get(f"found_{share}") for share in (10, 20, 30)]
    return " / ".join(percent(part.mean, 0) if part else "–" for part in found)


def _basis(item: WhatIf) -> str:
    return f"{count(item.num_samples)} {SOURCES.get(item.source, item.source)}"


def _spread(value: Spread | None, digits: int = 3) -> str:
    if value is None:
        return "–"
    return f"{number(value.mean, digits)} ± {number(value.deviation, digits)}"


def _percent(value: Spread | None) -> str:
    return "–" if value is None else f"{percent(value.mean)} ± {100 * value.deviation:.1f}"
