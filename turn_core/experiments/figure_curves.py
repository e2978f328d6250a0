"""From the panels of an exploration to lines over the noise level."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from turn_core.errors import DataError
from turn_core.types.distortion import METRICS
from turn_core.types.exploring import Panel, PanelMethod

METHOD_NAMES = {
    PanelMethod.BEFORE: "before",
    PanelMethod.PROBE: "linear probe",
    PanelMethod.FFT: "full fine-tuning",
    PanelMethod.TURN: "TURN",
}
"""In the order of the themes' `methods` colours."""

ACCURACY = "Accuracy of the head"


@dataclass(frozen=True, slots=True)
class Line:
    """One method on one backbone; `levels` rise, and are empty for before: one value for all."""

    backbone: str
    method: PanelMethod
    levels: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure."""

    label: str
    lines: tuple[Line, ...]


def curves_of(panels: Sequence[Panel]) -> list[Curve]:
    """Return a curve for each measure that the panels have, in the order of display.

    Raises:
        DataError: no panel was trained at a noise level.
    """
    if not any(panel.noise_level is not None for panel in panels):
        raise DataError("curves need a panel at a noise level; wait until one is finished")
    labels = {"accuracy": ACCURACY} | {key: metric.label for key, metric in METRICS.items()}
    known = {name for panel in panels for name in panel.metrics}
    return [
        Curve(label, tuple(_lines(panels, key))) for key, label in labels.items() if key in known
    ]


def short_name(backbone: str) -> str:
    """Return what a figure calls a backbone: its name, or the last part of its path."""
    return Path(backbone).name or backbone


def _lines(panels: Sequence[Panel], key: str) -> list[Line]:
    found: dict[tuple[str, PanelMethod], list[tuple[float, float]]] = {}
    for panel in panels:
        if key in panel.metrics:
            line = found.setdefault((panel.backbone, panel.method), [])
            line.append((panel.noise_level or 0.0, panel.metrics[key]))
    lines = []
    for (backbone, method), points in found.items():
        points.sort()
        levels = () if method is PanelMethod.BEFORE else tuple(level for level, _ in points)
        lines.append(Line(backbone, method, levels, tuple(value for _, value in points)))
    backbones = list(dict.fromkeys(panel.backbone for panel in panels))
    order = list(METHOD_NAMES)
    return sorted(
        lines, key=lambda line: (backbones.index(line.backbone), order.index(line.method))
    )
