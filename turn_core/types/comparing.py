"""Records of a comparison: how well several methods do on the same labels, over several seeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from turn_core.types import JobKind
from turn_core.types.studies import Study, StudyKind, numbers


@dataclass(frozen=True, slots=True)
class Cell:
    """One method with one seed. Accuracies are shares of the held-out samples, 0..1.

    `measures` holds what NMTune and its controls tell of features: sve_before, lsvr_before,
    sve_after, lsvr_after. A method that failed has an `error`, one sentence, and no accuracy.
    """

    method: str
    seed: int
    curve: tuple[float, ...] = ()
    """Accuracy after every epoch; TURN's first point is its linear probe."""
    outside_accuracy: float | None = None
    """Accuracy of the last model on samples of another domain; None where there are none."""
    seconds: float = 0.0
    """Of training and measuring, without the features that all methods share."""
    measures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ready_at: float = 0.0
    error: str | None = None

    @property
    def key(self) -> str:
        """Method and seed."""
        return f"{self.method}/{self.seed}"

    @property
    def place(self) -> tuple[float, str]:
        """As they were ready."""
        return self.ready_at, self.method

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Cell":
        """Read what `asdict` gave, after it was JSON."""
        lists = {name: tuple(plain[name]) for name in ("curve", "notes")}
        return cls(**{**plain, **lists, "measures": numbers(plain["measures"])})

    @property
    def best_accuracy(self) -> float | None:
        """The highest of any epoch: an upper bound, for it is chosen on the held-out samples."""
        return max(self.curve) if self.curve else None

    @property
    def last_accuracy(self) -> float | None:
        """The accuracy after the last epoch."""
        return self.curve[-1] if self.curve else None


COMPARISON = StudyKind("comparison", JobKind.COMPARE, Cell)
Comparison = Study[Cell]
"""`summary` adds num_samples, num_held_out, num_outside, features_seconds and views_seconds."""


class Spread(NamedTuple):
    """A mean over seeds and the standard deviation between them, None with one seed."""

    mean: float
    deviation: float | None


@dataclass(frozen=True, slots=True)
class MethodSummary:
    """A method over the seeds that are ready; a figure is None where no seed has it."""

    method: str
    num_ready: int
    best: Spread | None
    last: Spread | None
    outside: Spread | None
    seconds: Spread | None
    measures: Mapping[str, Spread]
    notes: tuple[str, ...]
    errors: tuple[str, ...]
