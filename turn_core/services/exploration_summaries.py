"""What an exploration says about fine-tuning on a project's labels as they are.

The curve of a backbone is a metric after full fine-tuning (FFT) over the share of wrong labels that
was trained on. Where true labels are known that share is counted. Else it is estimated: noise of
rate q put on top of labels of which r are wrong leaves 1 - (1 - r) (1 - q) wrong.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from turn_core.services import overviews
from turn_core.services.workspace import Workspace
from turn_core.store import runs as run_queries
from turn_core.store import studies as queries
from turn_core.types import Interval
from turn_core.types.exploring import (
    EXPLORATION,
    Exploration,
    ExplorationSummary,
    Panel,
    PanelMethod,
    Regime,
)

METRIC = "separability"
"""An accuracy on the held-out points, so that its chance error is known."""
Z_95 = 1.96
Point = tuple[float, float]
"""Share of wrong labels trained on, and the metric after it."""


def summarize(
    workspace: Workspace, project_id: int, exploration_id: int
) -> tuple[ExplorationSummary, ...]:
    """Return a summary per backbone, by the noise rate that the latest complete run estimated.

    Raises:
        NotFoundError: the project has no such exploration.
    """
    with workspace.reading() as session:
        exploration = queries.get_study(session, EXPLORATION, project_id, exploration_id)
        run = run_queries.latest_complete_run(session, project_id)
    rate = None if run is None else overviews.noise_rate(run.metrics)
    return summaries(exploration, rate)


def summaries(
    exploration: Exploration, noise_rate: Interval | None
) -> tuple[ExplorationSummary, ...]:
    """Return a summary per backbone at a noise rate; None where nobody has estimated one."""
    backbones = dict.fromkeys(panel.backbone for panel in exploration.parts)
    num_points = int(str(exploration.summary.get("num_points", 0)))
    return tuple(
        _summary(
            backbone,
            [panel for panel in exploration.parts if panel.backbone == backbone],
            noise_rate,
            num_points,
        )
        for backbone in backbones
    )


def curve(
    panels: Sequence[Panel], method: PanelMethod, metric: str, noise_rate: Interval | None
) -> list[Point]:
    """Return the points of a method's curve, from little noise to much.

    Without `noise_rate`, and without true labels, the labels before the noise count as right.
    """
    found = []
    for panel in panels:
        value = panel.metrics.get(metric)
        if panel.method is method and value is not None and math.isfinite(value):
            found.append((_wrong_share(panel, noise_rate), value))
    return sorted(found)


def _wrong_share(panel: Panel, noise_rate: Interval | None) -> float:
    known = panel.metrics.get("wrong_rate")
    if known is not None:
        return known
    added = panel.metrics.get("noise_rate", panel.noise_level or 0.0)
    return 1 - (1 - (noise_rate.value if noise_rate else 0.0)) * (1 - added)


def _summary(
    backbone: str, panels: Sequence[Panel], rate: Interval | None, num_points: int
) -> ExplorationSummary:
    points = curve(panels, PanelMethod.FFT, METRIC, rate)
    befores = [p.metrics.get(METRIC) for p in panels if p.method is PanelMethod.BEFORE]
    before = befores[0] if befores else None
    expected = _expected(points, rate) if points and rate else None
    margin = _margin(before, num_points)
    regime = Regime.UNKNOWN
    if before is not None and rate and expected:
        regime = _regime(points, rate, expected, before, margin)
    return ExplorationSummary(
        backbone=backbone,
        metric=METRIC,
        noise_rate=rate,
        before=before,
        expected=expected,
        turning=None if before is None else _turning(points, before),
        regime=regime,
        sentence=_sentence(Path(backbone).name, rate, before, expected, regime, margin),
    )


def _expected(points: Sequence[Point], rate: Interval) -> Interval:
    """The metric at the noise rate; beyond the levels that were tried, that of the nearest one."""
    x, y = (np.array(values) for values in zip(*points))
    inside = x[(x > rate.low) & (x < rate.high)]
    values = np.interp([rate.low, rate.high, rate.value, *inside], x, y)
    return Interval(float(values[2]), float(values.min()), float(values.max()))


def _margin(before: float | None, num_points: int) -> float:
    """How far two accuracies near `before` on so many points differ by chance, at 95 %."""
    if before is None or num_points < 1:
        return math.inf
    return Z_95 * math.sqrt(2 * before * (1 - before) / num_points)


def _turning(points: Sequence[Point], before: float) -> float | None:
    """The share of wrong labels from which on the curve is below `before`."""
    for (x, y), (next_x, next_y) in pairwise(points):
        if y >= before > next_y:
            return x + (next_x - x) * (y - before) / (y - next_y)
    return None


def _regime(
    points: Sequence[Point], rate: Interval, expected: Interval, before: float, margin: float
) -> Regime:
    """What the curve says; a level that was not tried is judged only from its harder side.

    Better even at more noise than the project has means better at its own; worse there says
    nothing about less noise. Beyond the highest level it is the other way round.
    """
    helps, harms = expected.low - before > margin, before - expected.high > margin
    below_all, above_all = rate.low < points[0][0], rate.high > points[-1][0]
    if helps and not above_all:
        return Regime.HELPS
    if harms and not below_all:
        return Regime.HARMS
    return Regime.UNCLEAR


def _sentence(
    name: str,
    rate: Interval | None,
    before: float | None,
    expected: Interval | None,
    regime: Regime,
    margin: float,
) -> str:
    """The one sentence; every other text about the regime is this one."""
    if rate is None:
        return (
            f"Where this project lies on the curve of {name} is not known yet: run a first round, "
            "which estimates how many labels are wrong."
        )
    told = f"About {rate.value:.0%} of the labels are wrong ({rate.low:.0%} to {rate.high:.0%})"
    if before is None or expected is None:
        return f"{told}, but the curve of {name} is not there yet: wait for fine-tuning to end."
    figures = f"{expected.value:.0%} against {before:.0%}"
    if regime is Regime.HELPS:
        return (
            f"{told}, where full fine-tuning of {name} separates the classes better than before "
            f"({figures}): fine-tuning on the labels as they are should sharpen its features."
        )
    if regime is Regime.HARMS:
        return (
            f"{told}, where full fine-tuning of {name} separates the classes worse than before "
            f"({figures}): fine-tuning on the labels as they are would mix up its features, so "
            "correct labels or use TURN."
        )
    return (
        f"{told}, where the curve of {name} does not decide whether full fine-tuning helps "
        f"({figures}; up to {margin:.0%} may be chance): add noise levels around it, or images."
    )
