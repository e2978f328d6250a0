"""A chart: bars, lines and a marked place, drawn as SVG with a legend."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from app.components.inline import inline_component

_mount = inline_component("plot")


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A line; its kind says how it is drawn: main, high, random or oracle."""

    name: str
    kind: Literal["main", "low", "high", "random", "oracle"]
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram: `edges` has one value more than `heights`."""

    name: str
    edges: Sequence[float]
    heights: Sequence[float]


def plot(
    lines: Sequence[PlotLine],
    *,
    x_title: str,
    y_title: str,
    description: str,
    key: str,
    bars: Bars | None = None,
    root: bool = False,
) -> None:
    """Draw the chart; `description` is what a screen reader says.

    `root` makes the height a square root, so that a few can be seen beside very many.
    """
    _mount(
        key=key,
        data={
            "lines": [asdict(line) for line in lines],
            "bars": None if bars is None else asdict(bars),
            "x": x_title,
            "y": y_title,
            "description": description,
            "root": root,
        },
    )
