"""What-if on the Quality page: what would be found if known labels were wrong."""

from collections.abc import Sequence

import streamlit as st

from app.format import count, number, percent, plural, when
from app.views.explore_noise import KINDS, needs
from turn_core.config import NoiseConfig, WhatIfConfig
from turn_core.services.what_if import Spread, WhatIf
from turn_core.types import ClassInfo

SOURCES = {"trusted": "labels that people confirmed", "clean": "labels that the round believes"}


def ask(classes: Sequence[ClassInfo], *, has_features: bool) -> WhatIfConfig | None:
    """Show the form; return what is to be tried.

    Raises:
        DataError: a class has no group or no class to flip to.
        ConfigError: nothing could flip.
    """
    st.subheader("What if")
    st.caption(
        "Puts wrong labels into the part of your data that is known or believed to be right, runs "
        "step 1 again, and measures how many of them it finds: whether to trust the order before "
        "paying for the review."
    )
    with st.container(border=True, key="what_if"):
        left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom", gap="medium")
        kind = left.selectbox(
            "Noise", list(KINDS), format_func=lambda name: KINDS[name][0], key="what_if_kind",
            help="Which labels flip: " + "; ".join(f"{t}: {e}" for t, e in KINDS.values()) + ".",
        )  # fmt: skip
        level = middle.slider(
            "Noise level", 5, 80, 20, 5, format="%d %%", key="what_if_level",
            help="How large a share of labels becomes wrong depends on the kind; the table says "
            "how many did.",
        )  # fmt: skip
        start = right.button(
            "Try it", icon=":material/science:", width="stretch", disabled=not has_features,
            key="what_if_start",
        )  # fmt: skip
        st.caption(f"{KINDS[kind][0]}: {KINDS[kind][1]}.")
        asked = needs(kind, classes, key="what_if")
    if not has_features:
        st.caption("This round kept no features to try it on: train another one.")
    if not start:
        return None
    return WhatIfConfig(noise=NoiseConfig(kind=kind, level=level / 100, **asked))


def results(found: Sequence[WhatIf]) -> None:
    """List the finished what-ifs; spreads are standard deviations over the draws."""
    if not found:
        return
    latest = found[0]
    st.markdown(_verdict(latest))
    st.dataframe(
        {
            "Noise": [_kind(item.kind) for item in found],
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


def _kind(name: str) -> str:
    return next((title for kind, (title, _) in KINDS.items() if kind == name), name)


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
