"""Figures as PNG and SVG, drawn by matplotlib without a screen. Lengths are inches."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from turn_core.experiments.figure_curves import METHOD_NAMES, Curve, Line, short_name
from turn_core.experiments.figure_page import MARGIN, Page, plain_style
from turn_core.experiments.figure_style import (
    FigurePanel,
    Grid,
    Theme,
    Words,
    centred,
    legend_names,
    looks,
    one_line,
)
from turn_core.types.exploring import PanelMethod

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 2.35
GAP = 0.14
NOTE = 0.26

MAX_VECTOR_POINTS = 30_000
"""SVG with more points holds them as an image: browsers would not open it."""

DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""One per backbone in curves; they come again after the fourth."""


def maps(
    grid: Grid, class_names: Sequence[str], words: Words, theme: Theme, file_format: str
) -> bytes:
    """Return the figure as a PNG or SVG file."""
    with plain_style(theme):
        width = len(grid.columns) * (SIDE + GAP) - GAP + _row_titles(grid) + 2 * MARGIN
        page = Page(width, words, theme)
        shown = np.unique(np.concatenate([panel.labels for panel in grid.panels.values()]))
        legend = legend_names(class_names, shown)
        look = looks(len(class_names), theme)
        handles = [_swatch(look[c][0], look[c][1][0]) for c, _ in legend]
        names = [name for _, name in legend]
        if hidden := int((shown >= 0).sum()) - len(names):
            handles.append(_swatch(theme.muted, "$…$"))
            names.append(f"and {hidden:,} more")
        columns_high = 0.34
        maps_high = len(grid.rows) * (SIDE + NOTE)
        page.lay_out(columns_high + maps_high, handles, names)
        total = sum(len(panel.labels) for panel in grid.panels.values())
        for (row, column), panel in grid.panels.items():
            left = MARGIN + _row_titles(grid) + column * (SIDE + GAP)
            top = page.top + columns_high + row * (SIDE + NOTE)
            axes = page.axes(left, top, SIDE, SIDE)
            _draw_map(axes, panel, grid.half[panel.column], look, theme)
            axes.collections[0].set_rasterized(total > MAX_VECTOR_POINTS)
            note = one_line(panel.note, 60)
            page.text(left + SIDE / 2, top + SIDE + 0.05, note, size=7.5, muted=True)
        _titles(page, grid, columns_high)
        return page.encoded(file_format)


def curves(found: Sequence[Curve], words: Words, theme: Theme, file_format: str) -> bytes:
    """Return the figure as a PNG or SVG file."""
    with plain_style(theme):
        across = min(5, len(found)) if len(found) > 4 else len(found)
        wide, high, between = 2.2, 1.65, 0.42
        width = across * (wide + between) + 2 * MARGIN
        page = Page(max(width, 5.5), words, theme)
        lines = {(line.backbone, line.method): line for curve in found for line in curve.lines}
        backbones = list(dict.fromkeys(backbone for backbone, _ in lines))
        lines = {(b, m): lines[b, m] for b in backbones for m in METHOD_NAMES if (b, m) in lines}
        handles = [_stroke(line, backbones, theme) for line in lines.values()]
        page.lay_out(-(-len(found) // across) * (high + 0.72), handles, _line_names(lines))
        for at, curve in enumerate(found):
            left = MARGIN + between + at % across * (wide + between)
            top = page.top + 0.3 + at // across * (high + 0.72)
            axes = page.axes(left, top, wide, high)
            page.text(left, top - 0.24, curve.label, size=9, bold=True, align="left")
            _draw_curve(axes, curve, backbones, theme)
        return page.encoded(file_format)


def _titles(page: Page, grid: Grid, columns_high: float) -> None:
    start = MARGIN + _row_titles(grid)
    for at, column in enumerate(grid.columns):
        middle = start + at * (SIDE + GAP) + SIDE / 2
        page.text(middle, page.top + 0.08, one_line(column, 34), size=10, bold=True)
    for at, row in enumerate(grid.rows):
        middle = page.top + columns_high + at * (SIDE + NOTE) + SIDE / 2
        lines = "\n".join(_row_title(row))
        page.text(start - 0.14, middle, lines, size=10, bold=True, align="right", va="center")


def _row_titles(grid: Grid) -> float:
    longest = max(len(line) for row in grid.rows for line in _row_title(row))
    return 0.2 + 0.088 * longest


def _row_title(row: str) -> list[str]:
    return textwrap.wrap(one_line(row, 60), 11) or [""]


def _draw_map(
    axes: "Axes",
    panel: FigurePanel,
    half: float,
    look: Sequence[tuple[str, tuple[str, str]]],
    theme: Theme,
) -> None:
    positions, labels = centred(panel), panel.labels
    # No class lies over another as a whole.
    order = np.random.default_rng(0).permutation(len(labels))
    size = float(np.clip(9_000 / len(labels), 1.2, 14))
    marks = np.array([look[c][1][0] if c >= 0 else "o" for c in labels])
    colours = np.array([look[c][0] if c >= 0 else theme.muted for c in labels])
    for mark in dict.fromkeys(marks[order].tolist()):
        some = order[marks[order] == mark]
        axes.scatter(
            positions[some, 0],
            positions[some, 1],
            s=size,
            c=colours[some],
            marker=mark,
            linewidths=0,
            alpha=0.85,
        )
    axes.set(xlim=(-half, half), ylim=(-half, half), xticks=[], yticks=[], aspect="equal")


def _draw_curve(axes: "Axes", curve: Curve, backbones: Sequence[str], theme: Theme) -> None:
    levels = sorted({100 * level for line in curve.lines for level in line.levels})
    for line in curve.lines:
        style = _line_style(line, backbones, theme)
        if line.levels:
            axes.plot([100 * level for level in line.levels], line.values, **style)
        else:
            axes.axhline(line.values[0], **{**style, "marker": ""})
    room = 0.06 * (levels[-1] - levels[0]) or 5
    axes.set_xlim(levels[0] - room, levels[-1] + room)
    axes.margins(y=0.12)
    axes.set_xticks(
        levels if len(levels) <= 6 else [levels[0], levels[len(levels) // 2], levels[-1]]
    )
    axes.tick_params(colors=theme.muted, labelsize=7.5, length=2.5, color=theme.edge)
    axes.grid(axis="y", color=theme.edge, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("noise level, %", color=theme.muted, fontsize=7.5, labelpad=2)
    axes.spines[["top", "right"]].set_visible(False)


def _line_style(line: Line, backbones: Sequence[str], theme: Theme) -> dict[str, Any]:
    method = list(METHOD_NAMES).index(line.method)
    before = line.method is PanelMethod.BEFORE
    return {
        "color": theme.methods[method],
        "linestyle": DASHES[backbones.index(line.backbone) % len(DASHES)],
        "linewidth": 1.0 if before else 1.7,
        "marker": "" if before else "os^D"[method],
        "markersize": 4,
    }


def _stroke(line: Line, backbones: Sequence[str], theme: Theme) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([0, 18, 36], [4.5] * 3, markevery=[1], **_line_style(line, backbones, theme))


def _swatch(colour: str, mark: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([4], [4.5], color=colour, marker=mark, markersize=6, markeredgewidth=0)


def _line_names(lines: dict[tuple[str, PanelMethod], Line]) -> list[str]:
    several = len({backbone for backbone, _ in lines}) > 1
    return [
        one_line(
            f"{short_name(backbone)}: {METHOD_NAMES[method]}" if several else METHOD_NAMES[method],
            44,
        )
        for backbone, method in lines
    ]
