"""Records of reviewing: decisions, the queue and what may be asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from turn_core.errors import DataError


class ReviewStatus(StrEnum):
    """What review has made of a sample: the state after its last event that is not undone."""

    PENDING = "pending"
    KEPT = "kept"
    RELABELED = "relabeled"
    EXCLUDED = "excluded"
    NEEDS_REVIEW = "needs_review"
    SKIPPED = "skipped"


class Action(StrEnum):
    """A reviewer's decision."""

    KEEP = "keep"
    RELABEL = "relabel"
    EXCLUDE = "exclude"
    NEEDS_REVIEW = "needs_review"
    SKIP = "skip"
    UNDO = "undo"


TRUSTED_STATUSES = frozenset({ReviewStatus.KEPT, ReviewStatus.RELABELED})
"""With one of these, a person confirmed or corrected the label: it is trusted."""


class Outcome(StrEnum):
    """What became of a submitted decision."""

    SAVED = "saved"
    REPLAYED = "replayed"
    CONFLICT = "conflict"


class VoteOutcome(StrEnum):
    """What a vote led to: others have yet to vote, all agree, or they do not."""

    WAITING = "waiting"
    AGREED = "agreed"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """One decision as the card sends it. `idem_key` was made when the card was shown.

    Decisions with the same `batch_key` were made at once, and can be undone at once.
    """

    sample_id: int
    version: int
    action: Action
    idem_key: str
    class_id: int | None = None
    run_id: int | None = None
    seconds_spent: float | None = None
    bulk: bool = False
    queue: str = "worst_first"
    batch_key: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """What became of a decision, and how the sample stands now.

    Of a vote (`vote` is not None) status and class are what this reviewer voted for.
    """

    idem_key: str
    sample_id: int
    outcome: Outcome
    version: int
    status: ReviewStatus
    current_class_id: int | None
    message: str = ""
    vote: VoteOutcome | None = None


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """One row of the append-only ledger of decisions.

    `vote_id` is the vote that made an agreement complete, where reviewers agreed on it.
    """

    event_id: int
    sample_id: int
    file_name: str
    seq: int
    action: Action
    class_id: int | None
    previous_class_id: int | None
    actor: str
    at: float
    seconds_spent: float | None
    run_id: int | None
    bulk: bool
    queue: str
    batch_key: str | None = None
    vote_id: int | None = None


class QueueKind(StrEnum):
    """Which samples a queue holds, and in which order it shows them.

    `worst_first`: all, by rank. `pair`: one given and one suggested class, by rank. `near_tau`:
    clean probability within `NEAR` of tau (or `low`..`high`), the nearest first. `duplicates`:
    the same image with another current label elsewhere in the project, image by image. `tag`: the
    samples of a tag, by rank. `audit`: those that were drawn at random, in the order of the draw.
    `disagreement`: those on which reviewers do not agree, by rank; they are in no other queue.
    """

    WORST_FIRST = "worst_first"
    PAIR = "pair"
    NEAR_TAU = "near_tau"
    DUPLICATES = "duplicates"
    TAG = "tag"
    AUDIT = "audit"
    DISAGREEMENT = "disagreement"


NEAR = 0.1
"""A clean probability at most so far from tau is near it."""

MAX_BULK = 5000
"""So many samples at most are decided at once."""

UNDECIDED = (ReviewStatus.PENDING, ReviewStatus.SKIPPED)
"""What a queue holds unless it is asked for more: nobody has decided these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """What a queue holds. All that is set must be true of a sample, whatever the kind.

    `class_id` is the current label; `low` and `high` bound the clean probability, both inclusive;
    `confidence` is the least predicted probability of the suggested class.

    Raises:
        DataError: the kind needs a class or a tag that is not named, or a bound is not in 0..1.
    """

    kind: QueueKind = QueueKind.WORST_FIRST
    class_id: int | None = None
    given_class_id: int | None = None
    suggested_class_id: int | None = None
    tag_id: int | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    statuses: tuple[ReviewStatus, ...] = UNDECIDED

    def __post_init__(self) -> None:
        """Check what the kind needs."""
        if self.kind is QueueKind.PAIR and None in (self.given_class_id, self.suggested_class_id):
            raise DataError("the queue of a pair needs both classes: name the given and the other")
        if self.kind is QueueKind.TAG and self.tag_id is None:
            raise DataError("the queue of a tag needs a tag: name one of the project's")
        low, high = self.low or 0.0, 1.0 if self.high is None else self.high
        if not 0 <= low <= high <= 1:
            raise DataError(
                f"the clean probability of a queue lies in 0..1, low to high: got {low} to {high}"
            )
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise DataError(f"the confidence of a queue lies in 0..1: got {self.confidence}")
        if not self.statuses:
            raise DataError("a queue needs a review status: name at least one")


class Role(StrEnum):
    """What a member may do: a viewer looks, a reviewer also decides, an owner does everything."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    OWNER = "owner"

    def includes(self, other: "Role") -> bool:
        """Say whether this role may do all that the other one may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Member:
    """A person with a role, in one project or (`project_id` None) everywhere."""

    member_id: int
    project_id: int | None
    name: str
    role: Role
    added_at: float
    added_by: str


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who has cards before them; `browser` tells two browsers of one name apart."""

    reviewer: str
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Selected:
    """What a bulk decision needs to know of a sample of a queue."""

    sample_id: int
    version: int
    current_class_id: int | None
    suggested_class_id: int
    suggested_probability: float


@dataclass(frozen=True, slots=True)
class Left:
    """Undecided samples of a part of the queue; `issues` of them are label issues."""

    undecided: int
    issues: int


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What is in the queues of a run now, of the samples that it scored.

    `pairs` maps (given class, suggested class), two different ones, the fullest first; `classes`
    the current class; `tags` the tags of the project, those with nothing left included. `audit`
    are samples that were drawn for the random audit so far; more are drawn when they are needed.
    `disagreement` are samples on which reviewers do not agree; they count in `by_status` only.
    """

    by_status: Mapping[ReviewStatus, int]
    total: Left
    pairs: Mapping[tuple[int, int], Left]
    classes: Mapping[int, Left]
    near_tau: int
    duplicates: int
    audit: int
    tags: Mapping[int, int]
    disagreement: int = 0
