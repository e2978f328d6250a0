"""Browse the samples of a project: filters, a grid of thumbnails, one sample in detail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import links
from app.components.gallery import Tile, gallery
from app.format import STATUS_TEXT, count, html_escape, md_escape, number, percent, shorten, when
from turn_core.services.samples import Order
from turn_core.types import ClassInfo, LabelEvent, ReviewStatus, Sample, SampleState

PAGE_SIZE = 60
ORDERS: dict[Order, str] = {"file_name": "File name", "clean_probability": "Most suspicious first"}
STATES = {
    None: "All images",
    SampleState.OK: "Usable",
    SampleState.UNREADABLE: "Unreadable",
    SampleState.UNLABELLED: "Without a label",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the grid shows; equal filters are the same list."""

    class_id: int | None
    status: ReviewStatus | None
    state: SampleState | None
    text: str
    order: Order


def filters(classes: Sequence[ClassInfo], *, has_run: bool) -> Filters:
    """Show the filters and return them. Without a run there is no order by suspicion."""
    names = {info.class_id: info.name for info in classes}
    columns = st.columns([2, 1.5, 1.4, 1.6, 1.8], vertical_alignment="bottom")
    text = columns[0].text_input(
        "File name", placeholder="contains…", key="browse_text", max_chars=200
    )
    class_id = columns[1].selectbox(
        "Class",
        [None, *names],
        format_func=lambda key: "All classes" if key is None else shorten(names[key], 40),
        key="browse_class",
    )
    status = columns[2].selectbox(
        "Status",
        [None, *ReviewStatus],
        format_func=lambda key: "Any" if key is None else STATUS_TEXT[key],
        key="browse_status",
    )
    state = columns[3].selectbox(
        "Images", list(STATES), format_func=lambda key: STATES[key], key="browse_state"
    )
    orders: list[Order] = list(ORDERS) if has_run else ["file_name"]
    order = columns[4].selectbox(
        "Order",
        orders,
        format_func=lambda key: ORDERS[key],
        key="browse_order",
    )
    return Filters(class_id, status, state, text.strip(), order)


def grid(
    project_id: int, samples: Sequence[Sample], names: Mapping[int, str], *, key: str
) -> int | None:
    """Show thumbnails; return the id of a sample that was clicked."""
    return gallery([_tile(project_id, sample, names) for sample in samples], key=key)


def _tile(project_id: int, sample: Sample, names: Mapping[int, str]) -> Tile:
    note = STATUS_TEXT[sample.status]
    if sample.clean_probability is not None:
        note += f" · {sample.clean_probability:.2f}"  # clean probability; the order names it
    readable = sample.state is not SampleState.UNREADABLE
    return Tile(
        id=sample.sample_id,
        name=sample.file_name,
        src=links.thumb(project_id, sample) if readable else "",
        label=class_name(names, sample.current_class_id),
        was=class_name(names, sample.given_class_id)
        if sample.given_class_id != sample.current_class_id
        else "",
        note=note,
        tiny=max(sample.width or 0, sample.height or 0) <= 64,
    )


def class_name(names: Mapping[int, str], class_id: int | None) -> str:
    """Return a class's name; a sample without one says so."""
    return "no label" if class_id is None else names.get(class_id, "unknown class")


def pager(cursors: list[str], next_cursor: str | None, total: int | None, shown: int) -> bool:
    """Show where in the list we are; return True when another page was asked for.

    `cursors` holds the cursor of each page turned, the present one last; it is changed in place.
    `total` is None where it is not known.
    """
    first = len(cursors) * PAGE_SIZE
    of_all = "" if total is None else f" of {count(total)}"
    back, text, forward = st.columns([1, 4, 1], vertical_alignment="center")
    gone_back = back.button(
        "Back", icon=":material/chevron_left:", disabled=not cursors, width="stretch",
        key="browse_back",
    )  # fmt: skip
    text.markdown(
        f"{count(first + 1)}–{count(first + shown)}{of_all}" if shown else "",
        text_alignment="center",
    )
    gone_on = forward.button(
        "Next", icon=":material/chevron_right:", icon_position="right", width="stretch",
        disabled=next_cursor is None, key="browse_next",
    )  # fmt: skip
    if gone_back:
        cursors.pop()
    elif gone_on and next_cursor is not None:
        cursors.append(next_cursor)
    return gone_back or gone_on


def detail(
    project_id: int, sample: Sample, events: Sequence[LabelEvent], names: Mapping[int, str]
) -> None:
    """Open one sample: the image, its labels, and every decision on it."""

    @st.dialog(md_escape(shorten(sample.file_name, 60)), width="large")
    def show() -> None:
        image, facts = st.columns([3, 2], gap="medium")
        if sample.state is SampleState.UNREADABLE:
            image.info("This file could not be read at import.")
        else:
            source = html_escape(links.preview(project_id, sample))
            alt = html_escape(sample.file_name)
            small = max(sample.width or 0, sample.height or 0) <= 64
            style = "width:100%;max-height:60vh;object-fit:contain;border-radius:8px"
            style += ";image-rendering:pixelated" if small else ""
            image.html(f'<img src="{source}" alt="{alt}" style="{style}">')
        for title, value in _facts(sample, names):
            with facts.container(gap=None):
                st.caption(title)
                st.markdown(f"**{md_escape(value)}**")
        if events:
            st.dataframe(
                {
                    "When": [when(event.at) for event in events],
                    "Who": [event.actor for event in events],
                    "Decision": [event.action.value.replace("_", " ") for event in events],
                    "Label": [class_name(names, event.class_id) for event in events],
                },
                hide_index=True,
                width="stretch",
            )

    show()


def _facts(sample: Sample, names: Mapping[int, str]) -> list[tuple[str, str]]:
    facts = [
        ("Given label", class_name(names, sample.given_class_id)),
        ("Label now", class_name(names, sample.current_class_id)),
        ("Status", STATUS_TEXT[sample.status]),
    ]
    if sample.true_class_id is not None:
        facts.append(("True label", class_name(names, sample.true_class_id)))
    if sample.clean_probability is not None:
        facts.append(("Clean probability", number(sample.clean_probability)))
    if sample.width:
        facts.append(("Size", f"{sample.width} × {sample.height}"))
    return facts


def class_table(classes: Sequence[ClassInfo]) -> None:
    """Show every class with its size as given and now."""
    total = sum(info.num_given for info in classes) or 1
    st.dataframe(
        {
            "Class": [info.name for info in classes],
            "Given": [info.num_given for info in classes],
            "Now": [info.num_current for info in classes],
            "Change": [info.num_current - info.num_given for info in classes],
            "Share": [percent(info.num_given / total) for info in classes],
        },
        hide_index=True,
        width="stretch",
        key="class_table",
    )
