"""The Quality page: what to do, what a threshold costs, how much is wrong."""

import streamlit as st

from app.format import count, duration, number, percent, plural
from turn_core.services.quality import Quality, Work
from turn_core.types import Interval

BASIS = {
    "decisions": "Calibrated on the {n} of this round.",
    "model": "By the model's own probabilities: with fewer than 10 decisions there is nothing to "
    "calibrate them on ({n} so far). They are often too sure.",
    None: "This round only ranks its labels and gives no probabilities. After 10 decisions the "
    "numbers rest on those ({n} so far).",
}
LEFT_BASIS = {
    "audit": "measured by the random audit",
    "decisions": "predicted from the decisions; the audit is too small to measure it",
    "model": "predicted by the model; nothing was audited to check it",
    None: "unknown without an audit",
}


def nothing_yet() -> str | None:
    """Say that there is no round; return the page that its button leads to."""
    with st.container(border=True, key="quality_empty"):
        st.subheader("There are no numbers yet")
        st.markdown("Train a first round: it ranks the labels by how likely they are wrong.")
        return "runs" if st.button("Train the first round", type="primary") else None


def heading(quality: Quality) -> None:
    """Say which round the numbers are of."""
    with st.container(gap=None):
        st.title("Quality")
        st.caption(
            f"Round {quality.run.number} · {plural(quality.num_samples, 'label')}, "
            f"{count(quality.num_open)} still to decide · "
            "intervals are meant to hold in 95 of 100 projects"
        )


def advice(quality: Quality) -> bool:
    """Show whether to stop; return True when the person goes on to review."""
    title, text = _advice(quality)
    with (
        st.container(border=True, key="quality_advice"),
        st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ),
    ):
        st.html(f'<div class="turn-step"><b>{title}</b><p>{text}</p></div>')
        stop = quality.outlook.advice.stop
        return st.button(
            "Review",
            type="secondary" if stop else "primary",
            icon=":material/rule:",
            key="quality_review",
        )


def _advice(quality: Quality) -> tuple[str, str]:
    found, work = quality.outlook.advice, quality.advised
    left = f"About {_span(found.left)} stay in the rest, {LEFT_BASIS[found.left_source]}."
    if found.stop is None or found.errors is None:
        return (
            "Decide 10 labels first",
            "This round ranks the labels without saying how many are wrong. The most suspicious "
            "come first; after 10 decisions there is an estimate.",
        )
    if found.stop:
        return (
            "Stop",
            "In the rest of the queue fewer than 1 label in 20 seems wrong. " + left,
        )
    return (
        f"Go on: about {_whole(found.errors.value)} wrong labels left, about {_time(work)}"
        if work.hours is not None
        else f"Go on: about {_whole(found.errors.value)} wrong labels left",
        f"They are among the next {plural(work.reviews, 'label')} "
        f"(95 %: {_bounds(found.errors)}). " + left,
    )


def threshold(quality: Quality) -> None:
    """Show a slider, and what its threshold means for the work."""
    st.subheader("What a threshold costs")
    taus = [cut.tau for cut in quality.cuts]
    tau = st.select_slider(
        "Threshold τ",
        taus,
        quality.tau,
        key=f"quality_tau_{quality.run.run_id}",
        help="Review every label whose clean probability is at or below τ. The round itself used "
        f"{quality.tau:g}.",
    )
    cut, work = quality.cut(tau)
    with st.grid(4, min_column_width=190):
        _tile("To review", count(cut.to_review), f"of {count(quality.num_open)} to decide")
        _tile("Wrong among them", *_estimate(cut.errors), "Expected wrong labels at or below τ.")
        _tile("Time", _time(work), _pace(quality))
        _tile(
            "Wrong labels left above",
            *_estimate(cut.left),
            "Wrong labels among those not yet decided, above τ.",
        )
    made = plural(quality.outlook.num_decisions, "decision")
    basis = BASIS[quality.outlook.source].format(n=made)
    st.caption(f"{basis} What is left above is {LEFT_BASIS[cut.left_source]}.")


def audit(quality: Quality) -> None:
    """Show the unbiased noise rate; the precision among reviewed never without it."""
    st.subheader("How many labels are wrong")
    found, seen = quality.audit, quality.reviewed
    if found.noise is None:
        _tile_row_without_audit(quality)
        st.info(
            "No label of the random audit is decided yet. It is the only unbiased measure of how "
            "many labels are wrong: what is reviewed by suspicion is wrong more often than the "
            "rest, so its precision is shown only beside the audit.",
            icon=":material/casino:",
        )
        return
    with st.grid(3, min_column_width=210):
        _tile(
            "Wrong labels, by the audit",
            percent(found.noise.value),
            f"95 %: {100 * found.noise.low:.1f}–{100 * found.noise.high:.1f} %",
            f"{plural(found.num_errors, 'error')} in {count(found.num_audited)} labels drawn at "
            "random from all, with Wilson's interval. Drawn but not decided, and not counted: "
            f"{count(found.num_undecided)}.",
        )
        _model_tile(quality)
        _tile(
            "Precision among reviewed",
            percent(seen.precision),
            f"{count(seen.num_errors)} of {plural(seen.num_reviewed, 'label')}",
            "Share of wrong labels among those reviewed in this round. They were chosen by "
            "suspicion: it says nothing about the rest.",
        )
    if seen.calibration_error is not None:
        st.caption(
            f"On these decisions the model's own probabilities were off by "
            f"{number(100 * seen.calibration_error, 1)} points on average (calibration error)."
        )


def truth(quality: Quality) -> None:
    """Where the true labels are known, show how far the expectations are off."""
    if not quality.truth:
        return
    with st.expander("Checked against the true labels", icon=":material/fact_check:"):
        st.caption("This project came with true labels: expected wrong labels beside actual ones.")
        st.dataframe(
            {
                "τ": [check.tau for check in quality.truth],
                "To review": [check.to_review for check in quality.truth],
                "Expected": [round(check.expected, 1) for check in quality.truth],
                "Actual": [check.actual for check in quality.truth],
                "Off by, per label": [number(check.gap) for check in quality.truth],
            },
            hide_index=True,
            width="stretch",
            key="quality_truth",
        )


def _tile_row_without_audit(quality: Quality) -> None:
    with st.grid(3, min_column_width=210):
        _tile("Wrong labels, by the audit", "–", "nothing audited yet")
        _model_tile(quality)


def _model_tile(quality: Quality) -> None:
    noise = quality.audit.by_model
    below = f"95 %: {100 * noise.low:.1f}–{100 * noise.high:.1f} %" if noise else "no clear group"
    _tile(
        "Wrong labels, by the model",
        percent(noise.value) if noise else "–",
        below,
        "Estimate of the round from its losses, before any decision of it.",
    )


def _tile(label: str, value: str, below: str, tip: str | None = None) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, help=tip)


def _estimate(found: Interval | None) -> tuple[str, str]:
    return ("–", "unknown") if found is None else (_whole(found.value), f"95 %: {_bounds(found)}")


def _bounds(found: Interval) -> str:
    return f"{_whole(found.low)}–{_whole(found.high)}"


def _span(found: Interval | None) -> str:
    if found is None:
        return "an unknown number of wrong labels"
    return f"{_whole(found.value)} wrong labels (95 %: {_bounds(found)})"


def _whole(value: float) -> str:
    return count(round(value))


def _time(work: Work) -> str:
    return duration(None if work.hours is None else 3600 * work.hours)


def _pace(quality: Quality) -> str:
    if quality.seconds_per_decision is None:
        return "no timed decision yet"
    pace = number(quality.seconds_per_decision, 1)
    return f"{pace} s each, median of {count(quality.num_timed)}"
