"""How many labels are wrong as they are now: by the audit, else by decisions, else by a model.

What a round learned from decisions still holds when another has been trained, which no one has
reviewed yet: the estimate rests on the round with the most decisions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from turn_core import estimates
from turn_core.estimates import MIN_DECISIONS, Pool
from turn_core.services import overviews, quality_rows
from turn_core.services.quality_rows import Rows
from turn_core.services.workspace import Workspace
from turn_core.store import audits as audit_queries
from turn_core.store import projects as project_queries
from turn_core.store import quality as queries
from turn_core.store import runs as run_queries
from turn_core.types import Interval, Run

MODEL = "model"
"""The round's losses alone: no round has enough decisions."""


@dataclass(frozen=True, slots=True)
class WrongLabels:
    """Share of the labels that are wrong now, and what that rests on."""

    share: Interval
    source: str
    """`audit`, `decisions`, or `model`."""
    round_number: int
    num_decisions: int
    """Of the round; 0 by the model."""


def wrong_labels(workspace: Workspace, project_id: int) -> WrongLabels | None:
    """Return the estimate as of now; None where no round can say. Keep it: a second for 100,000.

    Raises:
        NotFoundError: there is no such project.
    """
    with workspace.reading() as session:
        project_queries.get_project(session, project_id)
        latest = run_queries.latest_complete_run(session, project_id)
        if latest is None:
            return None
        events = queries.decisions(session, project_id)
        chosen = _most_decided(session, project_id, events)
        if chosen is None:
            share = overviews.noise_rate(latest.metrics)
            return None if share is None else WrongLabels(share, MODEL, latest.number, 0)
        class_ids = [class_id for class_id, _, _ in project_queries.class_list(session, project_id)]
        scored = queries.scored(session, chosen.run_id)
        draw = audit_queries.order(session, project_id)
    rows = quality_rows.gather(scored, events, chosen.run_id, class_ids, draw)
    return _by_review(rows, chosen)


def _most_decided(session: Session, project_id: int, events: Sequence[Any]) -> Run | None:
    """Return the complete round with the most decisions, the latest of equals."""
    counts = quality_rows.decisions_of_runs(events)
    enough = [
        run
        for run in run_queries.list_runs(session, project_id)
        if run.state == "complete" and counts.get(run.run_id, 0) >= MIN_DECISIONS
    ]
    return max(enough, key=lambda run: (counts[run.run_id], run.number), default=None)


def _by_review(rows: Rows, run: Run) -> WrongLabels | None:
    """Estimate the errors that the round left open; those that later rounds found are no longer."""
    found = estimates.outlook(_pool(rows), [], seed=run.seed)
    if found.remaining is None or found.remaining_source is None:
        return None
    known = int((rows.since & ~rows.drawn & rows.relabeled).sum())
    still, size = int(rows.open.sum()), int((rows.open | rows.decided).sum())
    value, low, high = (
        float(np.clip(errors - known, 0, still)) / size
        for errors in (found.remaining.value, found.remaining.low, found.remaining.high)
    )
    share = Interval(value, low, high)
    return WrongLabels(share, found.remaining_source, run.number, found.num_decisions)


def _pool(rows: Rows) -> Pool:
    """Return what the round left, and what was decided of it, in it or drawn uniformly since.

    What later rounds decided by their own suspicion says nothing of what it left: that counts as
    open.
    """
    kept = rows.in_pool | rows.since
    decided = rows.decided & (~rows.since | rows.drawn)
    return Pool(
        rows.clean[kept],
        rows.believed[kept],
        decided[kept],
        (rows.relabeled & decided)[kept],
        (rows.open | (rows.since & ~rows.drawn))[kept],
        rows.audited[kept],
        rows.given[kept],
    )
