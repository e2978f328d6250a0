"""Figures as one HTML file that needs no network: plotly's script is inside.

Texts come from data: all are escaped, for HTML and for plotly's own markup.
"""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from turn_core.experiments.figure_curves import METHOD_NAMES, Curve, Line, short_name
from turn_core.experiments.figure_style import (
    Grid,
    Theme,
    Words,
    centred,
    legend_names,
    looks,
    one_line,
)
from turn_core.types.exploring import PanelMethod

SIDE = 300
GAP = 14
"""Pixels between maps."""

NOTE = 30
"""Pixels for what is written below a map."""

DASHES = ("solid", "dash", "dot", "dashdot")
"""One per backbone in curves; they come again after the fourth."""


def maps(grid: Grid, class_names: Sequence[str], words: Words, theme: Theme) -> bytes:
    """Return the page: a click in the legend hides a class in all maps, two leave it alone."""
    rows, columns = len(grid.rows), len(grid.columns)
    shown = np.unique(np.concatenate([panel.labels for panel in grid.panels.values()]))
    listed = dict(legend_names(class_names, shown))
    figure = _subplots(rows, columns, SIDE, SIDE, gaps=(GAP, NOTE), legend=len(listed))
    look = looks(len(class_names), theme)
    for c in shown.tolist():
        first = True
        for (row, column), panel in grid.panels.items():
            some = centred(panel)[panel.labels == c].astype(np.float32)
            name = html.escape(one_line(class_names[c])) if c >= 0 else "no label"
            figure.add_scattergl(
                x=some[:, 0],
                y=some[:, 1],
                mode="markers",
                marker=_marker(c, len(panel.labels), look, theme),
                name=name,
                legendgroup=str(c),
                showlegend=first and c in listed and len(some) > 0,
                hovertemplate="%{fullData.name}<extra></extra>",
                row=row + 1,
                col=column + 1,
            )
            first = first and not len(some)
    for (row, column), panel in grid.panels.items():
        half = grid.half[panel.column]
        place = {"row": row + 1, "col": column + 1}
        axis = {"range": [-half, half], "showticklabels": False, "ticks": "", "showgrid": False}
        figure.update_xaxes(**axis, **place)
        figure.update_yaxes(**axis, **place)
        figure.add_annotation(**_words_at(panel.note, theme, size=11, y=0, shift=-6), **place)
    _name_places(figure, grid, theme)
    return _page(figure, words, theme)


def curves(found: Sequence[Curve], words: Words, theme: Theme) -> bytes:
    """Return the page: hover shows values, a click in the legend hides a line in all charts."""
    across = min(4, len(found))
    backbones = list(dict.fromkeys(line.backbone for curve in found for line in curve.lines))
    rows, num_lines = -(-len(found) // across), len(METHOD_NAMES) * len(backbones)
    figure = _subplots(rows, across, 250, 190, gaps=(64, 84), legend=num_lines)
    levels = sorted({x for curve in found for line in curve.lines for x in line.levels})
    named = set()
    for at, curve in enumerate(found):
        place = {"row": at // across + 1, "col": at % across + 1}
        for line in curve.lines:
            key = f"{line.backbone} {line.method}"
            xs, ys = _points(line, levels)
            figure.add_scatter(
                x=xs,
                y=ys,
                **_stroke(line, backbones, theme),
                legendgroup=key,
                showlegend=key not in named,
                hovertemplate="%{fullData.name}<br>noise %{x:g} %: %{y:.3f}<extra></extra>",
                **place,
            )
            named.add(key)
        if len(levels) <= 6:
            figure.update_xaxes(tickvals=[100 * level for level in levels], **place)
        title = _words_at(curve.label, theme, size=13, y=1, shift=6)
        below = _words_at("noise level, %", theme, size=11, y=0, shift=-22)
        figure.add_annotation(**title, **place).add_annotation(**below, **place)
    return _page(figure, words, theme)


def _subplots(
    rows: int, columns: int, width: int, height: int, *, gaps: tuple[int, int], legend: int
) -> Any:
    """Return rows x columns of charts of this size in pixels, with room for a legend below."""
    from plotly.subplots import make_subplots

    wide = columns * width + (columns - 1) * gaps[0]
    high = rows * height + (rows - 1) * gaps[1]
    figure = make_subplots(
        rows, columns, horizontal_spacing=gaps[0] / wide, vertical_spacing=gaps[1] / high
    )
    left, right, top = 100, 20, 44
    bottom = 50 + 24 * -(-legend // max(1, wide // 170))
    return figure.update_layout(
        width=wide + left + right,
        height=high + top + bottom,
        margin={"l": left, "r": right, "t": top, "b": bottom},
    )


def _marker(
    c: int, count: int, look: Sequence[tuple[str, tuple[str, str]]], theme: Theme
) -> dict[str, Any]:
    size = float(np.clip(150 / np.sqrt(count), 2, 8))
    colour, shape = (look[c][0], look[c][1][1]) if c >= 0 else (theme.muted, "circle")
    return {"size": size, "color": colour, "symbol": shape, "opacity": 0.85}


def _name_places(figure: Any, grid: Grid, theme: Theme) -> None:
    for at, column in enumerate(grid.columns):
        words = _words_at(column, theme, size=14, y=1, shift=8)
        figure.add_annotation(**words, row=1, col=at + 1)
    for at, row in enumerate(grid.rows):
        words = {"text": f"<b>{_safe(row)}</b>", "font": {"size": 14}}
        figure.update_yaxes(title=words, row=at + 1, col=1)


def _words_at(text: str, theme: Theme, *, size: int, y: int, shift: int) -> dict[str, Any]:
    """Return an annotation in the middle above (bold) or below (muted) a chart."""
    place = {"x": 0.5, "y": y, "xref": "x domain", "yref": "y domain", "yshift": shift}
    place["yanchor"] = "bottom" if y else "top"
    colour = theme.text if y else theme.muted
    words = f"<b>{_safe(text)}</b>" if y else _safe(text)
    return {"text": words, "showarrow": False, "font": {"size": size, "color": colour}} | place


def _safe(text: str) -> str:
    return html.escape(one_line(text, 80))


def _points(line: Line, levels: Sequence[float]) -> tuple[list[float], list[float]]:
    if line.levels:
        return [100 * level for level in line.levels], list(line.values)
    low, high = 100 * levels[0], 100 * levels[-1]
    room = 0.06 * (high - low) or 5
    return [low - room, high + room], [line.values[0]] * 2


def _stroke(line: Line, backbones: Sequence[str], theme: Theme) -> dict[str, Any]:
    method = list(METHOD_NAMES).index(line.method)
    before = line.method is PanelMethod.BEFORE
    name = METHOD_NAMES[line.method]
    if len(backbones) > 1:
        name = f"{one_line(short_name(line.backbone))}: {name}"
    dash = DASHES[backbones.index(line.backbone) % len(DASHES)]
    return {
        "name": html.escape(name),
        "legendrank": 10 * backbones.index(line.backbone) + method,
        "mode": "lines" if before else "lines+markers",
        "line": {"color": theme.methods[method], "width": 1.5 if before else 2.5, "dash": dash},
    }


def _page(figure: Any, words: Words, theme: Theme) -> bytes:
    """Return the whole page as UTF-8."""
    axis = {"linecolor": theme.edge, "mirror": True, "gridcolor": theme.edge, "zeroline": False}
    figure.update_xaxes(**axis, showgrid=False)
    figure.update_yaxes(**axis)
    figure.update_layout(
        template="none",
        paper_bgcolor=theme.ground,
        plot_bgcolor=theme.panel,
        font={"color": theme.text, "family": "system-ui, sans-serif"},
        legend={"orientation": "h", "y": 0, "yref": "container", "itemsizing": "constant"},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
    )
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="figure",
        config={"displaylogo": False, "plotlyServerURL": ""},
    )
    title, caption = html.escape(words.title), html.escape(words.caption)
    style = (
        f"body{{margin:2rem;background:{theme.ground};color:{theme.text};"
        "font:15px system-ui,sans-serif}h1{font-size:1.4rem;margin:0 0 .3rem}"
        f"p{{color:{theme.muted};margin:0 0 1rem;max-width:60rem}}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style></head>\n"
        f"<body><h1>{title}</h1><p>{caption}</p>\n{drawn}\n</body></html>\n"
    ).encode()
