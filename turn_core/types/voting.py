"""Records of several reviewers per card: votes, conflicts, and how far reviewers agree."""

from dataclasses import dataclass

from turn_core.types import Interval, Sample
from turn_core.types.reviewing import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One row of the append-only list of votes.

    `class_id` is the class of a `keep` or `relabel`, else None. `undoes` is the vote that an `undo`
    takes back. Votes with the same `ballot` on a sample belong together. `counts` says whether it
    is the vote of its reviewer that stands in its ballot, `is_open` whether others may yet vote.
    """

    vote_id: int
    sample_id: int
    file_name: str
    ballot: int
    action: Action
    class_id: int | None
    actor: str
    at: float
    seconds_spent: float | None
    run_id: int | None
    bulk: bool
    queue: str
    batch_key: str | None
    undoes: int | None
    counts: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class Consensus:
    """The likeliest outcome by Dawid and Skene's model, with its probability."""

    action: Action
    class_id: int | None
    probability: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """A sample on which reviewers do not agree, with the votes that count, the first one first."""

    sample: Sample
    votes: tuple[Vote, ...]
    consensus: Consensus


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Conflicts in the order of their samples; `total` counts all of the project."""

    conflicts: tuple[Conflict, ...]
    total: int


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far two reviewers agree on the `num_common` cards on which both voted.

    `percent` is a share, 0..1. `cohen_kappa` is None where chance alone explains all: both chose
    one and the same outcome throughout.
    """

    first: str
    second: str
    num_common: int
    percent: float
    cohen_kappa: Interval | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far reviewers agree on the `num_samples` cards with at least two votes, all of them in.

    `percent` is the share of pairs of votes on one card that agree, 0..1, None without any card;
    `fleiss_kappa` is None where it is not defined.
    """

    num_samples: int
    num_reviewers: int
    percent: float | None
    fleiss_kappa: Interval | None
    pairs: tuple[PairAgreement, ...]


@dataclass(frozen=True, slots=True)
class ReviewerFigures:
    """What a reviewer did; decisions and votes alike, those that stand.

    `per_hour` and `seconds_median` are those of decisions made one by one, None where none was
    timed. `changed` is the yield: the share that gave another label. `with_consensus` is the share
    of their votes that are the consensus of the card, None without votes. Both have Wilson's
    interval.
    """

    name: str
    decisions: int
    per_hour: float | None
    seconds_median: float | None
    changed: Interval | None
    with_consensus: Interval | None
