"""How a project is reviewed: the random audit, how many vote on each card, and blindly or not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from turn_core.errors import DataError
from turn_core.types.reviewing import QueueKind

MAX_OVERLAP = 9
"""So many reviewers at most vote on one card."""

VOTED_IN = tuple(kind for kind in QueueKind if kind is not QueueKind.DISAGREEMENT)
"""The queues that an overlap can be set for: a conflict is settled by one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSettings:
    """How a project is reviewed.

    `audit_share` of the cards of the worst-first queue are drawn at random, 0..0.5. `audit_seed`
    fixes the draw; it cannot change once samples were drawn. `overlap` reviewers must vote on a
    card before its label changes, 1..9; with 1 a decision counts at once. `queue_overlaps` holds
    another number for the cards of a queue; reviewers disagree on those of `disagreement`, which
    takes none. With `blind` nobody sees others' votes on a card before all of them are in.

    Raises:
        DataError: a value is out of range.
    """

    audit_share: float = 0.05
    audit_seed: int = 0
    overlap: int = 1
    queue_overlaps: Mapping[QueueKind, int] = field(default_factory=dict)
    blind: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.audit_share <= 0.5:
            raise DataError(f"the share of the random audit lies in 0..0.5: got {self.audit_share}")
        if not 0 <= self.audit_seed < 2**31:
            raise DataError(
                f"the seed of the audit is a whole number from 0: got {self.audit_seed}"
            )
        for number in (self.overlap, *self.queue_overlaps.values()):
            if not 1 <= number <= MAX_OVERLAP:
                raise DataError(
                    f"the overlap is a number of reviewers from 1 to {MAX_OVERLAP}: got {number}"
                )
        if unknown := set(self.queue_overlaps) - set(VOTED_IN):
            raise DataError(
                f"an overlap is set for the queues {', '.join(VOTED_IN)}: got {str(min(unknown))!r}"
            )
        kinds = {
            kind: self.queue_overlaps[kind] for kind in VOTED_IN if kind in self.queue_overlaps
        }
        object.__setattr__(self, "queue_overlaps", MappingProxyType(kinds))

    def overlap_of(self, queues: Iterable[str]) -> int:
        """Return how many must vote on a card that was decided on in these queues.

        It is the largest number that one of them asks for, 1 without any. A decision may name any
        queue; one that has no number of its own asks for `overlap`.
        """
        known = {kind.value: number for kind, number in self.queue_overlaps.items()}
        return max((known.get(queue, self.overlap) for queue in queues), default=1)

    @property
    def most(self) -> int:
        """Return the largest overlap of any queue."""
        return max([self.overlap, *self.queue_overlaps.values()])

    @property
    def least(self) -> int:
        """Return the smallest overlap of any queue."""
        return min([self.overlap, *self.queue_overlaps.values()])
