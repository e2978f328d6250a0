"""Figure 3 of the paper as a PNG: accuracy by cost, and by TURN's settings. Lengths are inches."""

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from turn_core.experiments.figure_page import plain_style
from turn_core.experiments.figure_style import Theme, theme_of
from turn_core.experiments.reproduce.compared import Record, Spread, last_of, spread
from turn_core.experiments.reproduce.plan import PANELS, Row
from turn_core.experiments.reproduce.tables import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Tell = Callable[[Sequence[Record]], Spread | None]

SIZE = (9.0, 7.0)
DPI = 150
COSTS, COST_TICKS = (0.04, 4.0), (0.05, 0.1, 0.2, 0.5, 1, 2)
"""Of the lower axis of panel (a)."""
VALUES: dict[str, tuple[str, Callable[[Row], float]]] = {
    "probe": ("epochs", lambda row: row.variant.probe_epochs),
    "finetune": ("epochs", lambda row: row.variant.finetune_epochs),
    "tau": ("tau", lambda row: row.variant.threshold),
}
"""What the lower axis of a panel is."""


def figure_3(found: Comparison, backbone: str) -> bytes:
    """Return the four panels of one backbone; bars are standard deviations over seeds."""
    from matplotlib.figure import Figure

    theme = theme_of("light")
    with plain_style(theme):
        figure = Figure(figsize=SIZE, layout="constrained", facecolor=theme.ground)
        panels = zip(PANELS.items(), figure.subplots(2, 2).flat, strict=True)
        for (name, title), axes in panels:
            axes.set_title(title, fontsize=10, color=theme.text, loc="left")
            axes.set_ylabel("percent" if name == "tau" else "test accuracy in percent", fontsize=8)
            axes.tick_params(labelsize=8)
            rows = [row for row in found.rows if row.panel == name]
            if name == "time":
                _by_cost(axes, found, backbone, rows)
            else:
                _by_setting(axes, found, backbone, rows, theme)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def _by_cost(axes: "Axes", found: Comparison, backbone: str, rows: Sequence[Row]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*COSTS)
    axes.set_xticks(COST_TICKS, [f"{cost:g}" for cost in COST_TICKS])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("cost, in five-epoch fine-tunings", fontsize=8)
    for row in rows:
        records = found.of(row, backbone)
        cost, best = spread(records, "cost"), spread(records, "best")
        if cost and best:
            axes.errorbar(cost.mean, best.mean, best.deviation, fmt="o", capsize=2)
            axes.annotate(
                row.title, (cost.mean, best.mean), (5, 4), textcoords="offset points", fontsize=7
            )


def _by_setting(
    axes: "Axes", found: Comparison, backbone: str, rows: Sequence[Row], theme: Theme
) -> None:
    label, value_of = VALUES[rows[0].panel] if rows else ("", lambda row: 0.0)
    axes.set_xlabel(label, fontsize=8)
    lines: dict[str, Tell] = {"best epoch": _accuracy("best"), "last epoch": _accuracy("last")}
    if rows and rows[0].panel == "tau":
        lines["purity"] = lambda records: last_of(records, "subset_purity")
    for (name, tell), colour in zip(lines.items(), theme.methods[1:], strict=False):
        known = [(value_of(row), tell(found.of(row, backbone))) for row in rows]
        points = [(at, figure) for at, figure in known if figure is not None]
        if points:
            axes.set_xticks([at for at, _ in known])
            axes.errorbar(
                [at for at, _ in points],
                [figure.mean for _, figure in points],
                [figure.deviation for _, figure in points],
                fmt="o-",
                color=colour,
                capsize=2,
                label=name,
            )
    if axes.has_data():
        axes.legend(fontsize=7, frameon=False)


def _accuracy(name: str) -> Tell:
    return lambda records: spread(records, name)
