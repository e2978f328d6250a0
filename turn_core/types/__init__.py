"""Frozen records that cross layers. Probabilities are 0..1, times Unix seconds; trust no name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from turn_core.types.review_settings import ReviewSettings as ReviewSettings
from turn_core.types.reviewing import TRUSTED_STATUSES as TRUSTED_STATUSES
from turn_core.types.reviewing import Action as Action
from turn_core.types.reviewing import DecisionRequest as DecisionRequest
from turn_core.types.reviewing import DecisionResult as DecisionResult
from turn_core.types.reviewing import LabelEvent as LabelEvent
from turn_core.types.reviewing import Outcome as Outcome
from turn_core.types.reviewing import QueueCounts as QueueCounts
from turn_core.types.reviewing import QueueFilter as QueueFilter
from turn_core.types.reviewing import QueueKind as QueueKind
from turn_core.types.reviewing import ReviewStatus as ReviewStatus


class SampleState(StrEnum):
    """Whether a sample can be used; set at import and by the bit-rot check."""

    OK = "ok"
    UNREADABLE = "unreadable"
    UNLABELLED = "unlabelled"


class JobKind(StrEnum):
    """What a job does."""

    INSPECT = "inspect"
    IMPORT = "import"
    TRAIN = "train"
    EXPORT = "export"
    EXPLORE = "explore"
    WHAT_IF = "what_if"
    SEARCH = "search"
    COMPARE = "compare"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, `value`, with its 95 % interval from `low` to `high`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """A class of a project. `index` is its place 0..K-1 in arrays."""

    class_id: int
    index: int
    name: str
    num_given: int = 0
    num_current: int = 0


@dataclass(frozen=True, slots=True)
class Project:
    """A data set under audit."""

    project_id: int
    name: str
    created_at: float
    created_by: str
    label_rev: int
    num_samples: int
    num_classes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image. `version` counts its events; a decision must name the version it saw."""

    sample_id: int
    file_name: str
    sha256: str
    width: int | None
    height: int | None
    state: SampleState
    status: ReviewStatus
    version: int
    given_class_id: int | None
    current_class_id: int | None
    true_class_id: int | None = None
    clean_probability: float | None = None


@dataclass(frozen=True, slots=True)
class ClassProbability:
    """A class with its predicted probability."""

    class_id: int
    probability: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A near sample in feature space; similarity is the cosine, -1..1."""

    sample_id: int
    sha256: str
    similarity: float
    current_class_id: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sample queued for review, with all that the card shows; its decision names `queue`."""

    sample: Sample
    run_id: int
    rank: int
    clean_probability: float
    loss: float
    suggested_class_id: int
    suggested_probability: float
    given_probability: float
    selected: bool
    fallback: str
    top: tuple[ClassProbability, ...]
    neighbours: tuple[Neighbour, ...]
    clean_history: tuple[float, ...]
    queue: str = "worst_first"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. `curves` maps a name to (x, y) points; `rate` is items per second."""

    stage: str = ""
    step: int = 0
    total: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    message: str = ""
    stage_index: int = 0
    num_stages: int = 0
    curves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as people see it. `params` and `result` are plain JSON values."""

    job_id: int
    kind: JobKind
    state: JobState
    project_id: int | None
    progress: Progress
    params: Mapping[str, object]
    result: Mapping[str, object] | None
    error: str | None
    attempt: int
    max_attempts: int
    cancel_requested: bool
    created_at: float
    created_by: str
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """One training round of a project, with what it found."""

    run_id: int
    project_id: int
    job_id: int
    number: int
    state: str
    method: str
    backbone: str
    seed: int
    config: Mapping[str, object]
    environment: Mapping[str, object]
    metrics: Mapping[str, object]
    num_samples: int
    created_at: float
    finished_at: float | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The final score of one sample in a run, as stored and indexed for the queue."""

    sample_id: int
    rank: int
    clean_probability: float
    loss: float
    suggested_class_id: int
    suggested_probability: float
    given_probability: float
    selected: bool
    fallback: str
    row: int


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item of an import that was not taken, and why; the name is escaped for display."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Export:
    """A finished export file."""

    export_id: int
    project_id: int
    format: str
    file_name: str
    num_bytes: int
    num_rows: int
    labels_sha256: str
    file_sha256: str
    created_at: float
    created_by: str
