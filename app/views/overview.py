"""The overview: the one next step, the numbers, the state of the review."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app.components.status_bar import status_bar
from app.format import count, duration, md_escape, number, percent, plural, shorten, when
from turn_core.services.jobs import WorkerStatus
from turn_core.services.overviews import NextStep, Overview
from turn_core.services.wrong_labels import WrongLabels
from turn_core.types import JobKind, LabelEvent, Project, ReviewStatus, Run

WRONG_BY = {"audit": "by the audit", "decisions": "by decisions", "model": "by the model"}
"""What the estimate of wrong labels rests on."""


@dataclass(frozen=True, slots=True)
class _Step:
    title: str
    text: str
    button: str
    page: str


def welcome() -> str | None:
    """Greet a first visitor; return `demo` or `upload` when one of the two was chosen."""
    st.title("Find the wrong labels in your images")
    st.markdown(
        "TURN Audit learns from your labels, ranks them by how likely they are wrong, and lets "
        "you correct them from the keyboard. Then it trains again on what you decided."
    )
    st.space("small")
    demo, own = st.columns(2, gap="medium")
    with demo.container(border=True, height="stretch"):
        st.subheader("Try the demo")
        st.markdown(
            "1,797 handwritten digits; 30 % of the labels are wrong on purpose, and the truth is "
            "known. Nothing to download, a few minutes from start to export."
        )
        try_demo = st.button(
            "Try the demo", type="primary", icon=":material/play_arrow:", key="try_demo"
        )
    with own.container(border=True, height="stretch"):
        st.subheader("Audit your own images")
        st.markdown(
            "A ZIP of class folders, images with a table of labels, a Parquet file, or a folder "
            "on this server. Your images stay on this machine."
        )
        upload = st.button("Upload your images", icon=":material/upload:", key="upload")
    _how_it_works()
    return "demo" if try_demo else "upload" if upload else None


def _how_it_works() -> None:
    st.space("small")
    st.subheader("How it works")
    for column, (icon, title, text) in zip(st.columns(len(_HOW), gap="medium"), _HOW, strict=True):
        column.markdown(f":material/{icon}: **{title}**")
        column.caption(text)


def project_title(project: Project) -> str:
    """Return the project's name, safe for a title."""
    return md_escape(shorten(project.name, 70))


def next_step(overview: Overview) -> str | None:
    """Show the one thing to do now; return the page it leads to when its button was pressed."""
    step = _next_step(overview)
    with (
        st.container(border=True, key="next_step"),
        st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ),
    ):
        st.html(f'<div class="turn-step"><b>{step.title}</b><p>{step.text}</p></div>')
        pressed = st.button(
            step.button, type="primary", icon=":material/arrow_forward:", key="next_step_button"
        )
    return step.page if pressed else None


def _next_step(overview: Overview) -> _Step:
    if overview.next_step is NextStep.WAIT:
        training = overview.active_job is not None and overview.active_job.kind is JobKind.TRAIN
        text = "It goes on when you close this page. Progress and results are on the next page."
        title = "A round is being trained" if training else "An import is under way"
        return _Step(title, text, "Watch it", "runs" if training else "data")
    if overview.next_step is NextStep.REVIEW:
        issues = overview.num_issues
        text = "The most suspicious come first. Keeping a label counts as much as correcting it."
        return _Step(f"Review {plural(issues, 'suspicious label')}", text, "Review", "review")
    run = overview.latest_run
    if overview.next_step is NextStep.EXPORT and run and not found_a_group(run):
        return _RANKED_ONLY
    return _STEPS[overview.next_step]


def found_a_group(run: Run) -> bool:
    """Say whether the round told suspicious labels from the rest, or could only rank them."""
    return bool(run.metrics.get("num_issues"))


_HOW = (
    ("upload", "Import", "Checked image by image. What cannot be read is listed with its reason."),
    ("model_training", "Train", "In the background, with live curves. Close the page if you like."),
    ("rule", "Review", "The most suspicious labels first, one key each, saved at once."),
    ("replay", "Train again", "On what you kept and corrected: the rest is judged better."),
    ("download", "Export", "Corrected labels as a table, as folders, or with the trained model."),
)
"""What happens from import to export: icon, name, what to expect."""

_RANKED_ONLY = _Step(
    "Review the most suspicious labels",
    "The latest round found no clear group of wrong labels, so it only ranks them. Look at the "
    "first ones and stop where they turn out right; then train again or export.",
    "Review",
    "review",
)
_STEPS: dict[NextStep, _Step] = {
    NextStep.IMPORT: _Step("Import images", "This project holds no images yet.", "Import", "data"),
    NextStep.TRAIN: _Step(
        "Train the first round",
        "TURN looks at every image with its label and ranks the labels by how likely they are "
        "wrong.",
        "Configure and start",
        "runs",
    ),
    NextStep.RETRAIN: _Step(
        "Train the next round",
        "A new round learns from your decisions and may find other suspicious labels.",
        "Configure and start",
        "runs",
    ),
    NextStep.EXPORT: _Step(
        "Export the labels",
        "Nothing suspicious is left, and the latest round knows all your decisions.",
        "Choose a format",
        "export",
    ),
}


def numbers(overview: Overview, wrong: WrongLabels | None, num_rounds: int) -> None:
    """Show size, how many labels are wrong by what is known, review and rounds."""
    project = overview.project
    left_out = overview.num_unreadable + overview.num_unlabelled
    reviewed = sum(
        amount
        for status, amount in overview.status_counts.items()
        if status not in (ReviewStatus.PENDING, ReviewStatus.SKIPPED)
    )
    with st.grid(4, min_column_width=200):
        _tile(
            "Images",
            count(project.num_samples),
            plural(project.num_classes, "class")
            + (f", {count(left_out)} left out" if left_out else ""),
            "Left out are unreadable images and those without a label.",
        )
        _tile(
            "Estimated wrong labels",
            percent(wrong.share.value) if wrong else "–",
            _interval(overview, wrong),
            _basis(wrong),
        )
        pending = plural(overview.num_issues, "suspicious label")
        _tile("Reviewed", count(reviewed), f"{pending} pending" if overview.latest_run else "–")
        _tile("Rounds", count(num_rounds), _age(overview.latest_run))


def _interval(overview: Overview, wrong: WrongLabels | None) -> str:
    if wrong is not None:
        low, high = 100 * wrong.share.low, 100 * wrong.share.high
        return f"95 %: {low:.1f}–{high:.1f} %, {WRONG_BY[wrong.source]}"
    return "train a round" if overview.latest_run is None else "no clear group found"


def _basis(wrong: WrongLabels | None) -> str:
    told = "Share of the labels, as they are now, that is wrong, with its 95 % interval."
    if wrong is None:
        return told
    if wrong.source == "model":
        return (
            f"{told} By the losses of round {wrong.round_number} alone, which often say too much: "
            "after 10 decisions in a round the estimate rests on those."
        )
    made = plural(wrong.num_decisions, "decision")
    return f"{told} By {made} on the labels of round {wrong.round_number}, the audit among them."


def _tile(label: str, value: str, below: str, tip: str | None = None) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, help=tip)


def _age(run: Run | None) -> str:
    return "none yet" if run is None else f"latest {when(run.finished_at)}"


def review_state(overview: Overview) -> None:
    """Show the statuses as a bar with a legend."""
    st.subheader("Review")
    status_bar(overview.status_counts, key=f"status_{overview.project.project_id}")


def decisions(events: Sequence[LabelEvent], names: Mapping[int, str]) -> None:
    """List the newest decisions: when, who, which image, what."""
    st.subheader("Latest decisions")
    st.dataframe(
        {
            "When": [when(event.at) for event in events],
            "Who": [event.actor for event in events],
            "Image": [event.file_name for event in events],
            "Decision": [event.action.value.replace("_", " ") for event in events],
            "Before": [_class_name(names, event.previous_class_id) for event in events],
            "Label": [_class_name(names, event.class_id) for event in events],
        },
        hide_index=True,
        width="stretch",
        key="latest_decisions",
    )


def _class_name(names: Mapping[int, str], class_id: int | None) -> str:
    return "" if class_id is None else names.get(class_id, "")


def latest_run(run: Run) -> None:
    """Show what the latest complete round found, in one row of facts."""
    st.subheader(f"Round {run.number}")
    metrics = run.metrics
    facts = [
        ("Backbone", md_escape(run.backbone.rstrip("/").rsplit("/", 1)[-1])),
        ("Images scored", count(run.num_samples)),
        ("Suspicious", _whole(metrics.get("num_issues"))),
        ("Agreement on the hold-out", _share(metrics.get("best_accuracy"))),
        ("Time", duration(seconds_of(run))),
    ]
    if isinstance(metrics.get("average_precision"), int | float):
        facts.append(("Average precision", number(metrics["average_precision"])))
    with st.grid(6, min_column_width=130):
        for title, value in facts:
            with st.container(gap=None):
                st.caption(title)
                st.markdown(f"**{value}**")


def _whole(value: object) -> str:
    return count(value) if isinstance(value, int | float) else "–"


def _share(value: object) -> str:
    return percent(float(value)) if isinstance(value, int | float) else "–"


def seconds_of(run: Run) -> float | None:
    """Return what all stages of a run took, None where it has no times yet."""
    timings = run.metrics.get("timings")
    if not isinstance(timings, list):
        return None
    return sum(float(item.get("seconds") or 0) for item in timings)


def worker_banner(worker: WorkerStatus) -> None:
    """Say that nothing will be computed, and how to change it; nothing while a worker lives."""
    if worker.alive:
        return
    last_seen = worker.last_seen
    seen = f"The last one was seen {when(last_seen)}. " if last_seen else ""
    st.warning(
        f"No worker is running, so imports, training and exports wait. {seen}Start one with "
        "`python -m turn_core worker`, or everything with `make run`.",
        icon=":material/pause_circle:",
    )
