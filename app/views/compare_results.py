"""The figures of a comparison, as far as they are ready."""

from collections.abc import Sequence

import streamlit as st

from app.format import duration, html_escape, md_escape, number, percent
from turn_core.compare_config import GROUPS, METHODS, method_title
from turn_core.types.comparing import Comparison, MethodSummary, Spread
from turn_core.types.distortion import METRICS


def table(rows: Sequence[MethodSummary], num_seeds: int) -> None:
    """Show a row per method, the best first: mean and spread over the seeds that are ready."""
    outside = any(row.outside for row in rows)
    scale = _scale([row.last for row in rows if row.last is not None])
    head = {"Method": 2, "Last epoch": 2, "Best epoch": 1}
    head |= ({"Other domain": 1} if outside else {}) | {"Time per seed": 1, "Seeds": 1}
    body = "".join(_row(row, num_seeds, scale, outside=outside) for row in rows)
    names = "".join(
        f'<th scope="col" colspan="{width}">{title}</th>' for title, width in head.items()
    )
    st.html(
        f'<div class="turn-scroll"><table class="turn-table"><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(row: MethodSummary, num_seeds: int, scale: tuple[float, float], *, outside: bool) -> str:
    info = METHODS[row.method]
    how = "" if info.title == GROUPS[info.group] else GROUPS[info.group]
    title = f"<b>{html_escape(info.title)}</b>"
    cells = [
        title,
        f'<span class="turn-dim">{html_escape(how)}</span>',
        _figure(row.last),
        _bar(row.last, scale),
        _figure(row.best),
        *([_figure(row.outside)] if outside else []),
        duration(row.seconds.mean) if row.seconds else "–",
        "failed" if row.errors and not row.num_ready else f"{row.num_ready} of {num_seeds}",
    ]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def shape(rows: Sequence[MethodSummary]) -> None:
    """Show what NMTune and its controls did to the shape of the features."""
    found = [row for row in rows if row.measures]
    if not found:
        return
    st.subheader("Shape of the features")
    st.caption(
        f"{METRICS['sve'].label}: {METRICS['sve'].explanation} "
        f"{METRICS['lsvr'].label}: {METRICS['lsvr'].explanation} A backbone that was trained on "
        "wrong labels has a higher entropy and a higher ratio than a clean one."
    )
    columns: dict[str, list[str]] = {"Method": [METHODS[row.method].title for row in found]}
    for key in ("sve", "lsvr"):
        for end in ("before", "after"):
            values = [row.measures.get(f"{key}_{end}") for row in found]
            columns[f"{METRICS[key].label}, {end}"] = [
                number(value.mean if value else None) for value in values
            ]
    st.dataframe(columns, hide_index=True, width="stretch", key="compare_shape")


def told(rows: Sequence[MethodSummary], sentences: Sequence[str]) -> None:
    """Say what the figures mean, which methods failed, and what did not go the usual way."""
    for sentence in sentences:
        st.caption(md_escape(sentence))
    for row in rows:
        for error in row.errors:
            st.warning(
                md_escape(f"{method_title(row.method)} failed: {error}"), icon=":material/error:"
            )
    notes = [f"{method_title(row.method)}: {note}" for row in rows for note in row.notes]
    if notes:
        with st.expander("Notes", icon=":material/info:"):
            for note in notes:
                st.markdown(md_escape(note))


def cells(comparison: Comparison) -> None:
    """Show every method with every seed as a table, to look at or to save as CSV."""
    with st.expander("Every seed", icon=":material/table:"):
        rows = comparison.parts
        st.dataframe(
            {
                "Method": [method_title(cell.method) for cell in rows],
                "Seed": [cell.seed for cell in rows],
                "Last epoch": [percent(cell.last_accuracy) for cell in rows],
                "Best epoch": [percent(cell.best_accuracy) for cell in rows],
                "Other domain": [percent(cell.outside_accuracy) for cell in rows],
                "Seconds": [round(cell.seconds, 1) for cell in rows],
                "Note": [cell.error or "" for cell in rows],
            },
            hide_index=True,
            width="stretch",
            key=f"compare_cells_{comparison.study_id}",
        )


def shared(comparison: Comparison) -> None:
    """Say what the features and views took that all methods share, and with which settings."""
    parts = []
    for key, what in (("features_seconds", "Features"), ("views_seconds", "views")):
        seconds = comparison.summary.get(key)
        if isinstance(seconds, int | float) and seconds >= 1:
            parts.append(f"{what} took {duration(float(seconds))}")
    if parts:
        st.caption(f"{' and '.join(parts)}, once for all methods and seeds.")
    with st.expander("Settings and environment", icon=":material/settings:"):
        st.json(
            {"config": dict(comparison.config), "summary": dict(comparison.summary)}, expanded=1
        )


def _figure(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    between = "" if spread.deviation is None else f" ± {100 * spread.deviation:.1f}"
    return f"{100 * spread.mean:.1f}{between} %".replace(" ", "&nbsp;")


def _scale(known: Sequence[Spread]) -> tuple[float, float]:
    """The range of the bars: all means with their spreads, and a little air."""
    if not known:
        return 0.0, 1.0
    low = min(spread.mean - (spread.deviation or 0.0) for spread in known)
    high = max(spread.mean + (spread.deviation or 0.0) for spread in known)
    air = max(0.01, (high - low) * 0.08)
    return low - air, high + air


def _bar(spread: Spread | None, scale: tuple[float, float]) -> str:
    if spread is None:
        return ""
    low, high = scale
    width = high - low
    half = spread.deviation or 0.0
    left = 100 * (spread.mean - half - low) / width
    return (
        '<div class="turn-range" aria-hidden="true">'
        f'<i style="left:{left:.2f}%;width:{200 * half / width:.2f}%"></i>'
        f'<b style="left:{100 * (spread.mean - low) / width:.2f}%"></b></div>'
    )
