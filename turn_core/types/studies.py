"""Records of studies: figures of a project that a job computes part by part, and that are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from turn_core.types import JobKind, JobState


class Part(Protocol):
    """One finished unit of work of a study: a frozen dataclass of plain values."""

    @property
    def key(self) -> str:
        """Which unit it is, within its study."""
        ...

    @property
    def place(self) -> tuple[float, str]:
        """Where it stands among the others when they are listed."""
        ...

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` gave, after it was JSON."""
        ...


P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class StudyKind(Generic[P]):
    """A kind of study: what it is called, stored and told; the job that computes it; its parts."""

    name: str
    job: JobKind
    part: type[P]


@dataclass(frozen=True, slots=True)
class Study(Generic[P]):
    """A study with the parts that are ready, in order. State, error and end are those of its job.

    `summary` says what was used, once it is known: classes, class_names, num_available, labels
    (best known ones by source: true, trusted, given), held_out_by, label_rev, environment, and
    what its kind adds.
    """

    study_id: int
    kind: StudyKind[P]
    project_id: int
    job_id: int
    name: str
    state: JobState
    config: Mapping[str, object]
    summary: Mapping[str, object]
    parts: tuple[P, ...]
    created_at: float
    created_by: str
    finished_at: float | None
    error: str | None = None


def numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return figures without those that are not numbers, which JSON has as null."""
    return {name: value for name, value in values.items() if value is not None}
