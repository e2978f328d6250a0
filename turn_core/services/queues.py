"""The review queues: what is next, and how much is left.

A queue is a `QueueFilter`: its kind says which samples it holds and in which order, the other
fields narrow it down. The order is frozen when a run completes; a decided sample leaves the queue.
"""

from dataclasses import replace

from sqlalchemy.orm import Session

from turn_core.services import claims, overviews
from turn_core.services.candidates import candidates_by_ids, candidates_of
from turn_core.services.workspace import Workspace
from turn_core.store import queues as queries
from turn_core.store import runs
from turn_core.store import votes as vote_queries
from turn_core.store.queues import Asked
from turn_core.types import Candidate, QueueCounts, QueueFilter, ReviewStatus
from turn_core.types.reviewing import MAX_BULK, Claimant, Selected

WORST_FIRST = QueueFilter()
"""All undecided samples, the most suspicious first."""


def next_candidates(
    workspace: Workspace,
    project_id: int,
    run_id: int,
    queue: QueueFilter = WORST_FIRST,
    *,
    limit: int = 50,
    after: int | None = None,
    claimant: Claimant | None = None,
) -> list[Candidate]:
    """Return the next samples of a queue; skipped ones come last.

    `after` is the sample behind which the others go on; skipped ones always start at the beginning.
    With a `claimant` nobody else gets these samples while the lease lasts, and those that others
    have are left out (`services.claims`). Without one it is a mere look.

    Raises:
        PermissionDeniedError: the claimant may not decide here.
        NotFoundError: the project has no such run, or the run's array file is gone.
    """
    if claimant is not None:
        cards = dict(
            claims.take(workspace, project_id, run_id, queue, claimant, after=after, limit=limit)
        )
        found = candidates_by_ids(workspace, project_id, run_id, list(cards))
        with workspace.reading() as session:
            skipped = vote_queries.skipped_by(session, list(cards), claimant.reviewer)
        return [
            _as_skipped(card, skipped, queue=cards[card.sample.sample_id].value) for card in found
        ]
    with workspace.reading() as session:
        asked = _asked(session, project_id, run_id, queue)
        rows = queries.page(session, asked, after=after, limit=limit)
        found = candidates_of(session, workspace, project_id, run_id, rows)
    return [replace(card, queue=queue.kind.value) for card in found]


def _as_skipped(card: Candidate, skipped: set[int], *, queue: str) -> Candidate:
    """Return a card as its reviewer sees it: a skip among votes is theirs alone."""
    if card.sample.sample_id in skipped:
        card = replace(card, sample=replace(card.sample, status=ReviewStatus.SKIPPED))
    return replace(card, queue=queue)


def selection(
    workspace: Workspace,
    project_id: int,
    run_id: int,
    queue: QueueFilter,
    *,
    reader: str = "",
    limit: int = MAX_BULK,
) -> list[Selected]:
    """Return all samples of a queue, by rank, as a bulk decision needs them.

    What the `reader` has voted on is left out.

    Raises:
        NotFoundError: the project has no such run.
    """
    with workspace.reading() as session:
        asked = _asked(session, project_id, run_id, queue, reader)
        return queries.selection(session, asked, limit=limit)


def count(
    workspace: Workspace, project_id: int, run_id: int, queue: QueueFilter, *, reader: str = ""
) -> int:
    """Return how many samples a queue holds, without those that the `reader` has voted on.

    Raises:
        NotFoundError: the project has no such run.
    """
    with workspace.reading() as session:
        return queries.count(session, _asked(session, project_id, run_id, queue, reader))


def queue_counts(
    workspace: Workspace, project_id: int, run_id: int, *, reader: str = ""
) -> QueueCounts:
    """Return what is left in every queue of the run, as of one moment.

    What the `reader` has voted on is left out.

    Raises:
        NotFoundError: the project has no such run.
    """
    with workspace.reading() as session:
        tau = overviews.threshold(runs.get_run(session, project_id, run_id))
        return queries.counts(session, project_id, run_id, tau, reader=reader)


def _asked(
    session: Session, project_id: int, run_id: int, queue: QueueFilter, reader: str = ""
) -> Asked:
    tau = overviews.threshold(runs.get_run(session, project_id, run_id))
    return Asked(project_id, run_id, queue, tau, reader)
