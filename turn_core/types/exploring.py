"""Records of the explorer: what full fine-tuning on noised labels does to features, and tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from turn_core.types import Interval, JobState


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


@dataclass(frozen=True, slots=True)
class Exploration:
    """An exploration with the panels that are ready. State, error and end are those of its job.

    `summary` says what was used, once it is known: num_available, num_train, num_points,
    class_names, labels (best known ones by source: true, trusted, given), num_panels, files.
    """

    exploration_id: int
    project_id: int
    job_id: int
    name: str
    state: JobState
    config: Mapping[str, object]
    summary: Mapping[str, object]
    panels: tuple[Panel, ...]
    created_at: float
    created_by: str
    finished_at: float | None
    error: str | None = None


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
