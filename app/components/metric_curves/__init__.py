"""Line charts of measures over wrong labels: one chart per measure, one line per method."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.components.inline import inline_component

_mount = inline_component("metric_curves")


@dataclass(frozen=True, slots=True)
class Line:
    """One method: `kind` (fft, turn, probe) says how it is drawn; points are (wrong, value)."""

    kind: str
    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One measure; `before` is its value before fine-tuning, None where that has none."""

    name: str
    title: str
    explanation: str
    before: float | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A noise rate to mark in every chart, with its interval; all 0..1."""

    text: str
    value: float
    low: float
    high: float


def metric_curves(charts: Sequence[Chart], band: Band | None, *, key: str) -> None:
    """Draw the charts; nothing where there are none."""
    if charts:
        data = {
            "charts": [asdict(chart) for chart in charts],
            "band": None if band is None else asdict(band),
        }
        _mount(key=key, data=data)
