"""The figures of an exploration: the regime in a sentence, curves over noise, tables, downloads."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import links
from app.components.metric_curves import Band, Chart, Line, metric_curves
from app.format import html_escape, md_escape, percent, plural
from app.views.explore_maps import backbone_title, panel_title
from turn_core.services import exploration_summaries
from turn_core.types import Interval
from turn_core.types.distortion import METRICS, Metric
from turn_core.types.exploring import Exploration, ExplorationSummary, Panel, PanelMethod, Regime

ACCURACY = Metric(
    "Accuracy",
    "Share of held-out images whose best known label the trained model puts first.",
    "better",
)
"""Of the model and not of its features, so it stands beside the measures of distortion."""
LINES: dict[PanelMethod, str] = {
    PanelMethod.FFT: "Full fine-tuning",
    PanelMethod.TURN: "TURN",
    PanelMethod.PROBE: "Linear probe",
}
FILES: dict[str, str] = {
    "figure2": "Maps",
    "curves": "Curves",
    "coordinates": "Coordinates",
    "metrics": "Metrics",
}
_SOURCES = {
    "true": "true label",
    "trusted": "trusted label",
    "given": "given label",
}
_ICONS: dict[Regime, str] = {
    Regime.HELPS: ":material/trending_up:",
    Regime.HARMS: ":material/trending_down:",
    Regime.UNCLEAR: ":material/help:",
    Regime.UNKNOWN: ":material/info:",
}


def regimes(found: Sequence[ExplorationSummary]) -> None:
    """Say in a sentence per backbone what its curve means for fine-tuning on the data as they are.

    Where nothing can be said yet, the first sentence tells why.
    """
    known = [summary for summary in found if summary.regime is not Regime.UNKNOWN]
    for summary in known or found[:1]:
        say = {Regime.HELPS: st.success, Regime.HARMS: st.warning}.get(summary.regime, st.info)
        say(md_escape(summary.sentence), icon=_ICONS[summary.regime])


def measured(exploration: Exploration) -> None:
    """Say how many images the figures come from, and whose labels they are measured against."""
    sources = exploration.summary.get("labels")
    if isinstance(sources, Mapping):
        told = [
            plural(int(sources[key]), noun) for key, noun in _SOURCES.items() if sources.get(key)
        ]
        st.caption(f"Measured on held-out images, against {' and '.join(told)}.")


def choose_backbone(exploration: Exploration) -> str:
    """Let a person choose the backbone whose curves are shown, where there are several."""
    names = list(dict.fromkeys(panel.backbone for panel in exploration.parts))
    if len(names) < 2:
        return names[0] if names else ""
    chosen = st.segmented_control(
        "Backbone", names, default=names[0], format_func=backbone_title, required=True,
        key=f"explore_curves_{exploration.study_id}",
    )  # fmt: skip
    return str(chosen)


def curves(exploration: Exploration, backbone: str, noise: Interval | None) -> None:
    """Draw every measure over the share of wrong labels, the project's estimated rate marked."""
    panels = [panel for panel in exploration.parts if panel.backbone == backbone]
    charts = [chart(name, metric, panels, noise) for name, metric in _measures().items()]
    band = None if noise is None else Band("your data", noise.value, noise.low, noise.high)
    drawn = [found for found in charts if found is not None]
    metric_curves(drawn, band, key=f"metric_curves_{exploration.study_id}")


def chart(
    name: str, metric: Metric, panels: Sequence[Panel], noise: Interval | None
) -> Chart | None:
    """Return the curves of one measure; None where no method has it at any level."""
    lines = [
        Line(method.value, title, tuple(points))
        for method, title in LINES.items()
        if (points := exploration_summaries.curve(panels, method, name, noise))
    ]
    before = [panel.metrics.get(name) for panel in panels if panel.method is PanelMethod.BEFORE]
    if not lines:
        return None
    start = before[0] if before else None
    return Chart(name, metric.label, _explained(metric), start, tuple(lines))


def _explained(metric: Metric) -> str:
    end = {"better": " Higher is better.", "nearer": "", "neither": ""}[metric.higher_is]
    return metric.explanation + end


def table(exploration: Exploration) -> None:
    """Show the figures of every panel; each column's help explains it."""
    rows = exploration.parts
    known = {name: m for name, m in _measures().items() if any(name in p.metrics for p in rows)}
    columns: dict[str, list[Any]] = {
        "Backbone": [backbone_title(panel.backbone) for panel in rows],
        "Panel": [panel_title(panel.method, panel.noise_level) for panel in rows],
        "Labels changed": [_changed(panel) for panel in rows],
    }
    columns |= {m.label: [panel.metrics.get(name) for panel in rows] for name, m in known.items()}
    with st.expander("All figures as a table", icon=":material/table:"):
        st.dataframe(
            columns,
            hide_index=True,
            width="stretch",
            key=f"explore_table_{exploration.study_id}",
            column_config={
                m.label: st.column_config.NumberColumn(format="%.3f", help=m.explanation)
                for m in known.values()
            },
        )


def downloads(exploration: Exploration) -> None:
    """Link to the files of a finished exploration."""
    listed = exploration.summary.get("files")
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    if not names:
        return
    rows = "".join(_file_row(exploration, stem, title, names) for stem, title in FILES.items())
    st.subheader("Files")
    st.html(
        f'<div class="turn-scroll"><table class="turn-table"><tbody>{rows}</tbody></table></div>'
    )


def _file_row(exploration: Exploration, stem: str, title: str, names: Sequence[str]) -> str:
    found = [name for name in names if name.rpartition(".")[0] == stem]
    if not found:
        return ""
    cells = " &nbsp; ".join(
        f'<a href="{html_escape(links.exploration_file(exploration, name))}" '
        f'download="{html_escape(name)}">{html_escape(name.rpartition(".")[2].upper())}</a>'
        for name in found
    )
    return f"<tr><td>{title}</td><td>{cells}</td></tr>"


def _changed(panel: Panel) -> str:
    return percent(panel.metrics.get("noise_rate"))


def _measures() -> dict[str, Metric]:
    return {"accuracy": ACCURACY, **METRICS}
