"""Scored samples and decisions as arrays, in the order of a run's queue. N samples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core import estimates
from turn_core.estimates import Joint, Pool
from turn_core.types import TRUSTED_STATUSES, Action, ReviewStatus

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AUDIT_QUEUE = "audit"
"""The queue of decisions on uniformly drawn samples."""
BELIEVED = ("none", "pooled")
"""Fallbacks of `cleansing` whose clean probability is one; the others only rank."""
OPEN = frozenset({ReviewStatus.PENDING, ReviewStatus.SKIPPED, ReviewStatus.NEEDS_REVIEW})
"""Statuses that leave the label to be decided."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The samples of a run (N,), the most suspicious first. Classes are project indices, or -1."""

    sample_ids: Ints
    clean: Floats
    believed: Bools
    array_rows: Ints
    suggested: Ints
    current: Ints
    given: Ints
    true: Ints
    open: Bools
    decided: Bools
    """Kept or relabeled, in any round."""
    relabeled: Bools
    in_pool: Bools
    """Not decided or excluded before this round: what its queue was made of."""
    since: Bools
    """Decided in a later round."""
    drawn: Bools
    """Drawn uniformly, up to where the audit has come."""
    audited: Bools
    """Of these, decided: through whichever queue."""
    turn: Ints
    """Number of the event that decided the sample; 0 where none did."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.sample_ids)

    def pool(self) -> Pool:
        """Return what the estimates see of the round."""
        kept = self.in_pool
        return Pool(
            self.clean[kept],
            self.believed[kept],
            self.decided[kept],
            (self.relabeled & self.decided)[kept],
            self.open[kept],
            (self.audited & self.decided)[kept],
            self.given[kept],
        )

    def review_order(self) -> Ints:
        """Return the places of what this round decided, in the order of the decisions."""
        done = np.flatnonzero(self.in_pool & self.decided)
        return done[np.argsort(self.turn[done], kind="stable")]

    def joint(self, tau: float, num_classes: int) -> Joint:
        """Return given against true labels."""
        clean = np.where(self.believed, self.clean, 1.0)  # a rank accuses no label
        return estimates.joint_matrix(
            self.given,
            self.suggested,
            np.where(self.decided, self.current, -1),
            clean,
            self.open & (self.clean <= tau),
            num_classes,
        )


def gather(
    scored: Sequence[Any],
    events: Sequence[Any],
    run_id: int,
    class_ids: Sequence[int],
    draw: Sequence[int],
) -> Rows:
    """Make arrays of the rows of `store.quality.scored` and `store.quality.decisions`.

    `draw` are the samples of the random audit, in the order of the draw.
    """
    columns: list[Any] = list(zip(*scored)) if scored else [()] * 9
    ids, clean, suggested, fallback, array_rows, status, current, given, true = columns
    last = _standing(events)
    index = {class_id: place for place, class_id in enumerate(class_ids)}
    decided = np.array([value in TRUSTED_STATUSES for value in status], np.bool_)
    still = np.array([value in OPEN for value in status], np.bool_)
    # An earlier round's decision, also to exclude, took the sample out of this round's queue.
    ours = np.array([i not in last or last[i][1] == run_id for i in ids], np.bool_)
    reached = _reached(draw, last)
    drawn = np.array([i in reached for i in ids], np.bool_)
    return Rows(
        sample_ids=np.array(ids, np.int64),
        clean=np.array(clean, np.float64),
        believed=np.isin(np.array(fallback, dtype=np.str_), BELIEVED),
        array_rows=np.array(array_rows, np.int64),
        suggested=_indices(suggested, index),
        current=_indices(current, index),
        given=_indices(given, index),
        true=_indices(true, index),
        open=still,
        decided=decided,
        relabeled=np.array([value == ReviewStatus.RELABELED for value in status], np.bool_),
        in_pool=still | ours,
        since=decided & ~ours & np.array([_run_of(last, i) > run_id for i in ids], np.bool_),
        drawn=drawn,
        audited=drawn & decided,
        turn=np.array([last[i][0] if i in last else 0 for i in ids], np.int64),
    )


def decisions_of_runs(events: Sequence[Any]) -> Counter[int]:
    """Return how many samples each run's queue got decided, undone and left ones aside."""
    undone = {undoes for *_, undoes in events if undoes is not None}
    kept = {
        sample_id: run_id
        for event_id, sample_id, action, run_id, *_ in events
        if event_id not in undone and action in {Action.KEEP, Action.RELABEL}
    }
    return Counter(run_id for run_id in kept.values() if run_id is not None)


def pace(events: Sequence[Any]) -> tuple[float | None, int]:
    """Return the median seconds of a decision that was made one by one, and of how many."""
    undone = {undoes for *_, undoes in events if undoes is not None}
    counted = {Action.KEEP, Action.RELABEL, Action.EXCLUDE}
    seconds = [
        spent
        for event_id, _, action, _, _, bulk, spent, _ in events
        if spent is not None and not bulk and action in counted and event_id not in undone
    ]
    return (float(np.median(seconds)) if seconds else None), len(seconds)


def _standing(events: Sequence[Any]) -> Mapping[int, tuple[int, int | None, str]]:
    """Return (event id, run id, queue) of each sample's last decision that is not undone."""
    undone = {undoes for *_, undoes in events if undoes is not None}
    return {
        sample_id: (event_id, run_id, queue)
        for event_id, sample_id, action, run_id, queue, *_ in events
        if event_id not in undone and action != Action.UNDO
    }


def _run_of(last: Mapping[int, tuple[int, int | None, str]], sample_id: int) -> int:
    return (last[sample_id][1] if sample_id in last else None) or 0


def _reached(draw: Sequence[int], last: Mapping[int, tuple[int, int | None, str]]) -> set[int]:
    """Return the samples of the draw up to the last one that was decided as part of the audit.

    All of them count, whichever queue they were decided in: without those that suspicion came to
    first, the rest would be too clean. Further ones do not, since of them only suspicion decided.
    """
    asked = [place for place, i in enumerate(draw) if i in last and last[i][2] == AUDIT_QUEUE]
    return set(draw[: asked[-1] + 1]) if asked else set()


def _indices(class_ids: Sequence[int | None], index: Mapping[int, int]) -> Ints:
    return np.array([-1 if c is None else index.get(c, -1) for c in class_ids], np.int64)
