"""Past runs: a table, what changed between two rounds, and the details of one."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.components.curves import curves
from app.format import (
    FALLBACK_TEXT,
    count,
    duration,
    interval,
    md_escape,
    number,
    percent,
    plural,
    when,
)
from app.views.overview import seconds_of
from turn_core.config import METHOD_TITLES
from turn_core.services.overviews import noise_rate
from turn_core.services.runs import RoundChange
from turn_core.types import Interval, Progress, Run

ROUNDS, COMPARE = "Rounds", "Compare methods"
_STATES = {
    "queued": "Waiting",
    "running": "Running",
    "complete": "Complete",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


def part(*, opened: bool) -> str:
    """Let a person choose between the rounds and comparing methods; `opened` one comes first."""
    chosen = st.segmented_control(
        "Show", [ROUNDS, COMPARE], default=COMPARE if opened else ROUNDS, required=True,
        key="runs_part", label_visibility="collapsed",
    )  # fmt: skip
    return str(chosen)


def table(runs: Sequence[Run]) -> None:
    """Show all runs, the newest first."""
    rows = [_row(run) for run in sorted(runs, key=lambda run: -run.number)]
    st.dataframe(
        {name: [row[name] for row in rows] for name in rows[0]},
        hide_index=True,
        width="stretch",
        key="runs_table",
    )


def _row(run: Run) -> dict[str, Any]:
    metrics = run.metrics
    best, last = metrics.get("best_accuracy"), metrics.get("last_accuracy")
    return {
        "Round": run.number,
        "State": _STATES.get(run.state, run.state),
        "Method": METHOD_TITLES.get(run.method, run.method),
        "Backbone": run.backbone.rstrip("/").rsplit("/", 1)[-1],
        "Images": count(run.num_samples),
        "Wrong labels by the model (95 %)": interval(noise_rate(metrics)),
        "Suspicious": number(metrics.get("num_issues"), 0),
        "Accuracy best / last": f"{share(best)} / {share(last)}" if best is not None else "–",
        "Time": duration(seconds_of(run)),
        "Started": when(run.created_at),
        "Note": run.error or "",
    }


def share(value: object) -> str:
    """Return a metric that is a share as a percentage, a dash where the run has none."""
    return percent(float(value)) if isinstance(value, int | float) else "–"


def change(before: Run, after: Run, found: RoundChange) -> None:
    """Show what the later round sees differently."""
    st.subheader(f"From round {before.number} to round {after.number}")
    with st.grid(4, min_column_width=180):
        _estimate(f"Wrong labels by the model, round {before.number}", found.noise_before)
        _estimate(f"Wrong labels by the model, round {after.number}", found.noise_after)
        st.metric(
            "Rank correlation",
            number(found.rank_correlation, 2),
            border=True,
            help="Spearman's, of the two orders of suspicion: 1 is the same order.",
        )
        st.metric(
            "New among the most suspicious",
            count(found.num_new_in_top),
            border=True,
            help=f"Of the first {count(found.top_size)} images of the later round, those that were "
            "not among the first of the earlier one.",
        )
    if found.moved:
        with st.expander("The largest moves", icon=":material/swap_vert:"):
            st.dataframe(
                {
                    "Image": [move.file_name for move in found.moved],
                    "Place before": [move.rank_before + 1 for move in found.moved],
                    "Place now": [move.rank_after + 1 for move in found.moved],
                },
                hide_index=True,
                width="stretch",
                key="runs_moved",
            )


def _estimate(title: str, estimate: Interval | None) -> None:
    below = f"95 %: {100 * estimate.low:.1f}–{100 * estimate.high:.1f} %" if estimate else None
    st.metric(
        title,
        percent(estimate.value) if estimate else "–",
        below,
        delta_color="off",
        delta_arrow="off",
        border=True,
    )


def details(run: Run, progress: Progress) -> bool:
    """Show curves, stages, settings and, where the truth is known, how good the ranking is.

    Returns True when the person wants to review the round.
    """
    title, button = st.columns([4, 1], vertical_alignment="center")
    title.subheader(f"Round {run.number} in detail")
    wanted = button.button("Review", icon=":material/rule:", width="stretch", key="run_review")
    fallbacks = run.metrics.get("fallbacks")
    notes = _fallback_notes(fallbacks) if isinstance(fallbacks, Mapping) else []
    for note in notes:
        st.caption(f":material/info: {note}")
    curves(progress.curves, key=f"curves_run_{run.run_id}")
    if "holdout_accuracy" in progress.curves:
        st.caption(
            "Hold-out accuracy is agreement with the labels as they are now: where some are wrong, "
            "even a perfect model stays below 100 %. It compares epochs and rounds."
        )
    _truth(run.metrics)
    left, right = st.columns(2, gap="medium")
    timings = run.metrics.get("timings")
    if isinstance(timings, list) and timings:
        left.dataframe(_stages(timings), hide_index=True, width="stretch", key="run_stages")
    with right.expander("Settings and environment", icon=":material/settings:"):
        st.json({"config": dict(run.config), "environment": dict(run.environment)}, expanded=1)
    return wanted


def _stages(timings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {
        "Stage": [str(item.get("stage", "")) for item in timings],
        "Time": [duration(item.get("seconds")) for item in timings],
        "Items": [count(item["items"]) if item.get("items") else "–" for item in timings],
        "Per second": [
            number(item.get("per_second") if item.get("items") else None, 1) for item in timings
        ],
    }


def _truth(metrics: Mapping[str, Any]) -> None:
    """Show the quality of error detection where the data came with true labels."""
    if not isinstance(metrics.get("auroc"), int | float):
        return
    st.caption("The true labels are known, so the ranking can be measured:")
    with st.grid(5, min_column_width=130):
        for title, name in (
            ("AUROC", "auroc"),
            ("Average precision", "average_precision"),
            ("Precision at τ", "precision"),
            ("Recall at τ", "recall"),
            ("Lift at 100", "lift_100"),
        ):
            st.metric(title, number(metrics.get(name), 2 if name == "lift_100" else 3), border=True)


def _fallback_notes(fallbacks: Mapping[str, Any]) -> list[str]:
    return [
        f"{text} ({plural(fallbacks[name], 'image')})."
        for name, text in FALLBACK_TEXT.items()
        if isinstance(fallbacks.get(name), int) and fallbacks[name] > 0
    ]


def error_note(run: Run) -> None:
    """Say why the latest run did not complete."""
    if run.state == "failed":
        st.error(
            f"Round {run.number} failed. {md_escape(run.error or '')}", icon=":material/error:"
        )
