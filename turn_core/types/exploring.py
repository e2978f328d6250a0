"""Records of the explorer: what full fine-tuning on noised labels does to features, and tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from turn_core.types import Interval, JobKind
from turn_core.types.studies import Study, StudyKind, numbers


class PanelMethod(StrEnum):
    """What happened to the features of a panel.

    `before`: nothing; they are frozen. `probe`: nothing, but a linear probe was trained on the
    noised labels (it has figures and no map). `fft`, `turn`: fine-tuned on the noised labels.
    """

    BEFORE = "before"
    PROBE = "probe"
    FFT = "fft"
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Panel:
    """One backbone at one noise level; `noise_level` is None before fine-tuning.

    `metrics` holds what `distortion.panel_metrics` returns, `accuracy` (share of held-out samples
    whose best known label the model's top class is) and `noise_rate` (share of training labels
    that the noise changed). `projections` names the maps that the panel's file holds by now.
    """

    idx: int
    backbone: str
    method: PanelMethod
    noise_level: float | None
    metrics: Mapping[str, float]
    projections: tuple[str, ...]
    ready_at: float

    @property
    def key(self) -> str:
        """Its number."""
        return str(self.idx)

    @property
    def place(self) -> tuple[float, str]:
        """By number."""
        return self.idx, ""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Panel":
        """Read what `asdict` gave, after it was JSON."""
        values = {
            "method": PanelMethod(plain["method"]),
            "metrics": numbers(plain["metrics"]),
            "projections": tuple(plain["projections"]),
        }
        return cls(**{**plain, **values})


EXPLORATION = StudyKind("exploration", JobKind.EXPLORE, Panel)
Exploration = Study[Panel]
"""`summary` adds num_train, num_points, num_trusted_train, num_panels and files."""


class Regime(StrEnum):
    """What the curve says about full fine-tuning at the project's noise rate.

    `helps`: features separate the classes better than before. `harms`: worse. `unclear`: the
    interval of the noise rate, or the difference, does not decide. `unknown`: no noise rate or
    no curve.
    """

    HELPS = "helps"
    HARMS = "harms"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ExplorationSummary:
    """Where the project's noise lies on the curve of one backbone, and what that says.

    `expected` is the metric after FFT at the noise rate, read off the curve between its levels;
    its interval is that of the noise rate. `turning` is the noise level at which the curve
    crosses `before`, None where it does not. `sentence` says it all.
    """

    backbone: str
    metric: str
    noise_rate: Interval | None
    before: float | None
    expected: Interval | None
    turning: float | None
    regime: Regime
    sentence: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A named set of samples of a project; review can be filtered by it."""

    tag_id: int
    project_id: int
    name: str
    num_samples: int
    created_at: float
    created_by: str
