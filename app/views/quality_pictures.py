"""The Quality page: effort curve, pairs of classes, diagnostics per class, second opinion."""

from collections.abc import Sequence

import streamlit as st

from app.components.joint_matrix import Cell, joint_matrix
from app.components.plot import Bars, PlotLine, plot
from app.format import FALLBACK_TEXT, count, md_escape, number, percent, plural, shorten
from turn_core.services.quality import Pair, Quality
from turn_core.services.quality_classes import ClassFit, LossHistogram, SecondOpinion, Verdict

MOST_CLASSES = 24
"""The matrix shows at most so many classes: those of the fullest pairs."""


def effort(quality: Quality) -> None:
    """Draw the errors found against the reviews, between chance and an oracle."""
    st.subheader("What reviewing has brought")
    curve = quality.curve
    if len(curve.reviews) < 2:
        st.caption("The curve begins with the first decision of this round.")
        return
    x = curve.reviews.tolist()
    plot(
        [
            PlotLine("Random order", "random", x, curve.random.tolist()),
            PlotLine("Oracle: only wrong labels", "oracle", x, curve.oracle.tolist()),
            PlotLine("Your review", "main", x, curve.found.tolist()),
        ],
        x_title="labels reviewed in this round",
        y_title="wrong labels found",
        description=f"{count(curve.found[-1])} wrong labels found in {count(x[-1])} reviews; "
        f"random order would have found about {count(curve.random[-1])}",
        key="quality_effort",
    )
    if curve.efficiency is not None:
        st.caption(
            f"Efficiency {percent(curve.efficiency, 0)}: 0 % is random order, 100 % an oracle. "
            "The bounds use the estimate of all wrong labels in this round."
        )


def pairs(quality: Quality) -> tuple[int, int] | None:
    """Show given against true labels; return (given, suggested) class ids of a clicked pair."""
    st.subheader("Which labels are confused")
    found = quality.joint.pairs(MOST_CLASSES)
    if not found:
        st.caption("No pair of classes holds a wrong label, by what is known so far.")
        return None
    shown = _classes_of([(pair.given, pair.true) for pair in found], len(quality.class_names))
    place = {index: n for n, index in enumerate(shown)}
    joint = quality.joint
    cells = [
        Cell(place[given], place[true], float(expected), int(still))
        for given, true, expected, still in zip(
            joint.given.tolist(), joint.true.tolist(), joint.expected, joint.open
        )
        if given in place and true in place
    ]
    names = [shorten(quality.class_names[index], 24) for index in shown]
    with st.grid(2, min_column_width=430, gap="large"):
        with st.container():
            clicked = joint_matrix(names, cells, key="quality_joint")
        with st.container():
            _pair_table(quality, found)
    note = "Decided labels count whole, others by their clean probability. An underlined number "
    note += "opens the queue of its pair."
    if len(shown) < len(quality.class_names):
        note += f" The {len(shown)} classes with the most wrong labels are shown."
    st.caption(note)
    if clicked is None:
        return None
    ids = quality.class_ids
    return ids[shown[clicked.given]], ids[shown[clicked.true]]


def _pair_table(quality: Quality, found: Sequence[Pair]) -> None:
    names = quality.class_names
    st.dataframe(
        {
            "Given": [names[pair.given] for pair in found],
            "Probably": [names[pair.true] for pair in found],
            "Wrong labels": [round(pair.expected, 1) for pair in found],
            "To review": [pair.open for pair in found],
        },
        hide_index=True,
        width="stretch",
        height="content" if len(found) <= 9 else 350,
        key="quality_pairs",
    )


def _classes_of(found: Sequence[tuple[int, int]], num_classes: int) -> list[int]:
    """Return all classes where they are few, else those of the first pairs, in their order."""
    if num_classes <= MOST_CLASSES:
        return list(range(num_classes))
    kept: set[int] = set()
    for pair in found:
        if len(kept | set(pair)) <= MOST_CLASSES:
            kept |= set(pair)
    return sorted(kept)


def class_choice(fits: Sequence[ClassFit]) -> ClassFit:
    """Show how every class was judged; return the one whose losses are wanted."""
    st.subheader("How each class was judged")
    everything, own = fits[-1], list(fits[:-1])
    names = {fit.class_id: shorten(fit.name, 40) for fit in fits}
    chosen = st.selectbox(
        "Losses of",
        [everything, *own],
        format_func=lambda fit: names[fit.class_id],
        key="quality_class",
    )
    return chosen or everything


def losses(fit: ClassFit, found: LossHistogram) -> None:
    """Draw the losses of a class with its mixture, and say what came of it."""
    lines = []
    if len(found.x):
        lines = [
            PlotLine("Low-loss group: right labels", "low", found.x.tolist(), found.low.tolist()),
            PlotLine(
                "High-loss group: wrong or hard", "high", found.x.tolist(), found.high.tolist()
            ),
        ]
    plot(
        lines,
        bars=Bars("Labels", found.edges.tolist(), found.counts.tolist()),
        x_title="loss of the given label (cross entropy)",
        y_title="labels (square-root scale)",
        root=True,
        description=f"Histogram of the losses of {fit.name}",
        key=f"quality_losses_{fit.class_id}",
    )
    st.caption(_judgement(fit))


def _judgement(fit: ClassFit) -> str:
    parts = [plural(fit.num_samples, "label")]
    if fit.separation is None:
        parts.append("no mixture was fitted")
    else:
        parts.append(f"separation {number(fit.separation, 1)} (above 2 the groups stand apart)")
        parts.append(f"{percent(fit.high_share)} in the upper group")
    text = " · ".join(parts)
    told = FALLBACK_TEXT.get(fit.fallback)
    return f"{text} · {told}" if told else text


def class_table(fits: Sequence[ClassFit]) -> None:
    """List all classes with what was fitted to them."""
    own = fits[:-1]
    with st.expander(f"All {plural(len(own), 'class')}", icon=":material/table_rows:"):
        st.dataframe(
            {
                "Class": [fit.name for fit in own],
                "Labels": [fit.num_samples for fit in own],
                "Separation": [fit.separation for fit in own],
                "Upper group": [percent(fit.high_share) for fit in own],
                "Mean loss there": [fit.high_loss for fit in own],
                "Judged by": [_judged_by(fit) for fit in own],
            },
            column_config={
                name: st.column_config.NumberColumn(format="%.2f")
                for name in ("Separation", "Mean loss there")
            },
            hide_index=True,
            width="stretch",
            key="quality_classes",
        )


def _judged_by(fit: ClassFit) -> str:
    return FALLBACK_TEXT.get(fit.fallback, "Its own mixture")


def opinion(found: SecondOpinion) -> bool:
    """Compare with confident learning; True when its own flags are wanted for review."""
    st.subheader("A second opinion")
    st.caption(
        "Confident learning (Northcutt et al., 2021) on probabilities that never saw the label "
        "they judge, beside this round's label issues."
    )
    rows = {
        "Flagged by both": found.both,
        "Only by TURN": found.only_turn,
        "Only by confident learning": found.only_other,
        "By neither": found.neither,
    }
    st.dataframe(
        {
            "": list(rows),
            "Labels": [verdict.num_samples for verdict in rows.values()],
            "Decided": [verdict.num_decided for verdict in rows.values()],
            "Of these wrong": [_share_wrong(verdict) for verdict in rows.values()],
        },
        hide_index=True,
        width="stretch",
        key="quality_opinion",
    )
    overlap = "Neither flags a label." if found.jaccard is None else (
        f"Of the labels that either flags, both flag {percent(found.jaccard, 0)}."
    )  # fmt: skip
    st.caption(md_escape(overlap))
    waiting = len(found.open_only_other)
    if not waiting:
        return False
    return st.button(
        f"Review the {plural(waiting, 'label')} that only confident learning flags",
        icon=":material/sell:",
        key="quality_opinion_review",
        help="Puts them into a tag and opens Review on it.",
    )


def _share_wrong(verdict: Verdict) -> str:
    if not verdict.num_decided:
        return "–"
    return f"{percent(verdict.num_errors / verdict.num_decided, 0)} ({verdict.num_errors})"
