"""Review: the queue of suspicious samples, and decisions on them.

A decision is an event behind two gates. Its key, made when the card was shown, makes a repeated
submission harmless; the version it saw keeps it from silently overwriting another's decision.

What each decision does to the current label:
`keep` puts the given label back; `relabel` sets the chosen one (choosing the given label is a
`keep`, so that `relabeled` always means "differs from the given label"); `exclude`,
`needs_review` and `skip` leave it; `undo` restores label and status from before the sample's
last decision that is not yet undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from turn_core.services import decisions, overviews
from turn_core.services.batches import record_bulk, redo_batch, undo_batch
from turn_core.services.candidates import candidates_by_ids
from turn_core.services.queues import next_candidates
from turn_core.services.workspace import Workspace
from turn_core.store import events as queries
from turn_core.store import runs as run_queries
from turn_core.store import scores as score_queries
from turn_core.types import Action, DecisionRequest, DecisionResult, LabelEvent, ReviewStatus

__all__ = [
    "ReviewProgress",
    "candidates_by_ids",
    "latest_events",
    "ledger",
    "next_candidates",
    "progress",
    "record",
    "record_bulk",
    "redo_batch",
    "undo",
    "undo_batch",
]


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far the review of a run is. An issue is pending with clean probability <= tau."""

    pending: int
    decided: int
    by_status: dict[ReviewStatus, int]
    num_issues: int
    num_issues_pending: int


def record(
    workspace: Workspace,
    project_id: int,
    requests: Sequence[DecisionRequest],
    *,
    actor: str,
    browser: str | None = None,
) -> list[DecisionResult]:
    """Store decisions, in order and in one transaction; return what became of each.

    A key seen before gives its first result again (`replayed`); with another content, or for a
    version that is no longer the present one, the decision is a `conflict`, nothing is changed
    by it, and the result shows how the sample stands. What is taken back in a `browser` (see
    `Claimant`) is before its reviewer again there, and is claimed: nobody else gets it.

    Raises:
        PermissionDeniedError: the actor may not decide here.
        NotFoundError: the project has no such sample or run.
        DataError: a decision makes no sense (relabel without a class of this project, keep
            without a given label). Nothing of the batch is stored.
    """
    if not requests:
        return []
    return workspace.write(
        lambda session: decisions.record(session, project_id, requests, actor, browser)
    )


def undo(
    workspace: Workspace,
    project_id: int,
    sample_id: int,
    *,
    idem_key: str,
    version: int,
    actor: str,
) -> DecisionResult:
    """Take back the sample's last decision that is not yet undone; itself an event."""
    request = DecisionRequest(
        sample_id=sample_id, version=version, action=Action.UNDO, idem_key=idem_key
    )
    return record(workspace, project_id, [request], actor=actor)[0]


def progress(workspace: Workspace, project_id: int, run_id: int) -> ReviewProgress:
    """Return how far the review of the run's samples is.

    Raises:
        NotFoundError: the project has no such run.
    """
    with workspace.reading() as session:
        run = run_queries.get_run(session, project_id, run_id)
        tau = overviews.threshold(run)
        counts = score_queries.status_counts(session, run_id, tau)
    by_status = {status: number for status, (number, _) in counts.items()}
    pending, issues_pending = counts[ReviewStatus.PENDING]
    return ReviewProgress(
        pending=pending,
        decided=sum(by_status.values()) - pending,
        by_status=by_status,
        num_issues=sum(issues for _, issues in counts.values()),
        num_issues_pending=issues_pending,
    )


def ledger(
    workspace: Workspace, project_id: int, *, after: int | None = None, limit: int = 1000
) -> list[LabelEvent]:
    """Return decisions in their order, after the event of id `after`."""
    with workspace.reading() as session:
        return queries.ledger(session, project_id, after=after, limit=limit)


def latest_events(
    workspace: Workspace, project_id: int, *, before: int | None = None, limit: int = 50
) -> list[LabelEvent]:
    """Return the newest decisions, the newest first, before the event of id `before`."""
    with workspace.reading() as session:
        return queries.latest(session, project_id, before=before, limit=limit)
