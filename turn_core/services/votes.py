"""Several reviewers per card: who voted what, where they disagree, and how that is settled.

`ReviewSettings.overlap` says how many must vote; `review.record` takes the votes. In blind mode
nobody sees others' votes on a card before all of them are in (docs/agreement.md).
"""

import dataclasses

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from turn_core.errors import DataError
from turn_core.services import agreement, review
from turn_core.services.voting import ADJUDICATION
from turn_core.services.workspace import Workspace
from turn_core.store import audits as audit_queries
from turn_core.store import events as event_queries
from turn_core.store import projects as project_queries
from turn_core.store import samples as sample_queries
from turn_core.store import votes as queries
from turn_core.store.review_tables import Vote as VoteTable
from turn_core.types import Action, DecisionRequest, DecisionResult
from turn_core.types.voting import Conflict, ConflictPage, Vote

__all__ = ["adjudicate", "conflicts", "list_votes", "votes_of"]


def votes_of(
    workspace: Workspace, project_id: int, sample_id: int, *, reader: str
) -> tuple[Vote, ...]:
    """Return the votes on a sample that the reader may see, the first one first.

    Votes that were taken back or replaced are among them.
    """
    with workspace.reading() as session:
        seen = _visible(session, project_id, reader)
        return tuple(queries.votes(session, project_id, [VoteTable.sample_id == sample_id, *seen]))


def list_votes(
    workspace: Workspace, project_id: int, *, reader: str, after: int = 0, limit: int = 2000
) -> list[Vote]:
    """Return the votes of a project that the reader may see, in order, after the vote `after`."""
    with workspace.reading() as session:
        seen = _visible(session, project_id, reader)
        return queries.votes(session, project_id, seen, after=after, limit=limit)


def conflicts(
    workspace: Workspace, project_id: int, *, after: int = 0, limit: int = 50
) -> ConflictPage:
    """Return the samples on which reviewers disagree, after the sample `after`.

    With each come the votes that count and what Dawid and Skene's model makes of them. All votes
    on such a card are in, so that blind mode hides nothing here.

    Raises:
        NotFoundError: there is no such project.
    """
    with workspace.reading() as session:
        project_queries.get_project(session, project_id)
        ids = queries.conflict_ids(session, project_id, after=after, limit=limit)
        samples = sample_queries.by_ids(session, project_id, ids)
        total = queries.count_conflicts(session, project_id)
        present = event_queries.standing_seqs(session, ids)
        ballots = agreement.closed_ballots(session, project_id) if ids else {}
    found = agreement.consensus(ballots)
    keys = [(sample_id, present.get(sample_id, 0)) for sample_id in ids]
    told = [Conflict(samples[key[0]], ballots[key], found[key]) for key in keys]
    return ConflictPage(tuple(told), total)


def adjudicate(
    workspace: Workspace, project_id: int, request: DecisionRequest, *, actor: str
) -> DecisionResult:
    """Settle what reviewers disagree on; an event like any decision, in the queue `adjudication`.

    `review.undo` takes it back: then they disagree again. The result is a conflict where they no
    longer disagree, or where somebody else settled it meanwhile.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: the project has no such sample or run.
        DataError: the decision makes no sense, or is an undo.
    """
    if request.action is Action.UNDO:
        raise DataError("an undo settles no conflict: choose a class, or take the decision back")
    wanted = dataclasses.replace(request, queue=ADJUDICATION)
    return review.record(workspace, project_id, [wanted], actor=actor)[0]


def _visible(session: Session, project_id: int, reader: str) -> list[ColumnElement[bool]]:
    blind = audit_queries.settings(session, project_id).blind
    return [queries.visible_to(reader)] if blind else []
