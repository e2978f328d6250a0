"""Decisions on many samples at once: stored as one batch, undone and redone as one.

Each sample passes the same two gates as a single decision: what somebody else changed meanwhile
stays as it is and is told as a conflict, the others are saved. Where several reviewers vote on a
card, the votes of a batch are found and taken back like its events.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from turn_core.errors import DataError, NotFoundError
from turn_core.services import decisions
from turn_core.services.workspace import Workspace
from turn_core.store import events as queries
from turn_core.store import projects as project_queries
from turn_core.store import samples as sample_queries
from turn_core.store import votes as vote_queries
from turn_core.store.tables import LabelEvent
from turn_core.store.votes import Row
from turn_core.types import Action, DecisionRequest, DecisionResult, Outcome, Sample
from turn_core.types.reviewing import MAX_BULK


def record_bulk(
    workspace: Workspace,
    project_id: int,
    requests: Sequence[DecisionRequest],
    *,
    actor: str,
    batch_key: str,
) -> list[DecisionResult]:
    """Store decisions on many samples, one each, in one transaction; say what became of each.

    `batch_key` was made when the batch was put together: the same batch sent again is stored once.
    The keys of the requests are not used.

    Raises:
        PermissionDeniedError: the actor may not decide here.
        NotFoundError: the project has no such sample or run.
        DataError: the batch is empty or too large, names a sample twice, or a decision makes no
            sense. Nothing of the batch is stored.
    """
    ids = [request.sample_id for request in requests]
    if not 1 <= len(ids) <= MAX_BULK:
        raise DataError(f"a batch holds 1 to {MAX_BULK} samples, got {len(ids)}: decide in parts")
    if len(set(ids)) < len(ids):
        raise DataError("a batch decides each sample once: take out the one that is there twice")
    batch = [_keyed(request, batch_key, request.version) for request in requests]
    return workspace.write(lambda session: decisions.record(session, project_id, batch, actor))


def undo_batch(
    workspace: Workspace,
    project_id: int,
    batch_key: str,
    *,
    undo_key: str,
    actor: str,
    browser: str | None = None,
) -> list[DecisionResult]:
    """Take back every decision of a batch that is still its sample's last; itself a batch.

    The samples are before the actor again, in the browser if one is named: see `review.record`.

    Raises:
        NotFoundError: the project has no such batch.
    """

    def work(session: Session) -> list[DecisionResult]:
        events, votes = _lines(session, project_id, batch_key)
        standing = queries.last_standing_ids(session, [event.sample_id for event in events])
        open_ids = {e.sample_id for e in events if standing.get(e.sample_id) == e.id}
        open_ids |= _still_standing(session, project_id, votes, actor)
        queues = {e.sample_id: e.queue for e in events} | {v.sample_id: v.queue for v in votes}
        requests = [
            DecisionRequest(sample_id=i, version=0, action=Action.UNDO, idem_key="", queue=queue)
            for i, queue in queues.items()
        ]
        return _decide(
            session, project_id, requests, open_ids, batch_key=undo_key, actor=actor,
            browser=browser,
        )  # fmt: skip

    return workspace.write(work)


def redo_batch(
    workspace: Workspace, project_id: int, undo_key: str, *, redo_key: str, actor: str
) -> list[DecisionResult]:
    """Decide again what the batch `undo_key` took back, where nothing came after it.

    Raises:
        NotFoundError: the project has no such batch, or it undid nothing.
    """

    def work(session: Session) -> list[DecisionResult]:
        undo_events, undo_votes = _lines(session, project_id, undo_key)
        events = queries.by_ids(session, [e.undoes for e in undo_events if e.undoes])
        votes = vote_queries.by_ids(session, [v.undoes for v in undo_votes if v.undoes])
        # An agreement that was taken back is redone by the vote that was.
        again: list[LabelEvent | Row] = [e for e in events if e.vote_id is None]
        again += votes
        if not again:
            raise NotFoundError(f"batch {undo_key!r} took nothing back: there is nothing to redo")
        seen = sample_queries.by_ids(session, project_id, [line.sample_id for line in again])
        left = {v.sample_id: v.version for v in undo_votes} | {
            e.sample_id: e.seq for e in undo_events
        }
        last = vote_queries.last_ids(session, left, actor)
        later = {v.sample_id for v in undo_votes if last.get(v.sample_id) != v.id}
        open_ids = {i for i, sample in seen.items() if sample.version == left[i]} - later
        requests = [_again(line) for line in again]
        return _decide(session, project_id, requests, open_ids, batch_key=redo_key, actor=actor)

    return workspace.write(work)


def _again(line: LabelEvent | Row) -> DecisionRequest:
    return DecisionRequest(
        sample_id=line.sample_id,
        version=0,
        action=Action(line.action),
        idem_key="",
        class_id=line.class_id if line.action == Action.RELABEL else None,
        run_id=line.run_id,
        queue=line.queue,
    )


def _still_standing(
    session: Session, project_id: int, votes: Sequence[Row], actor: str
) -> set[int]:
    """Return the samples on which these are the actor's standing votes, or those of an agreement.

    A vote leaves the version of its sample as it is, unless it makes reviewers agree.
    """
    ids = [vote.sample_id for vote in votes]
    samples = sample_queries.by_ids(session, project_id, ids)
    standing = vote_queries.standing_ids(session, ids)
    agreed = queries.agreed_ids(session, ids)
    found = set()
    for vote in votes:
        version = samples[vote.sample_id].version
        follows = version == vote.version or (
            version == vote.version + 1 and vote.sample_id in agreed
        )
        if follows and vote.actor == actor and vote.id in standing:
            found.add(vote.sample_id)
    return found


def _keyed(request: DecisionRequest, batch_key: str, version: int) -> DecisionRequest:
    key = f"{batch_key}:{request.sample_id}"
    return dataclasses.replace(
        request, version=version, idem_key=key, bulk=True, batch_key=batch_key
    )


def _lines(session: Session, project_id: int, batch_key: str) -> tuple[list[LabelEvent], list[Row]]:
    project_queries.lock_project(session, project_id)
    events = queries.of_batch(session, project_id, batch_key)
    votes = vote_queries.of_batch(session, project_id, batch_key)
    if not events and not votes:
        raise NotFoundError(f"project {project_id} has no batch {batch_key!r}: reload the page")
    return events, votes


def _decide(
    session: Session,
    project_id: int,
    requests: Sequence[DecisionRequest],
    open_ids: Iterable[int],
    *,
    batch_key: str,
    actor: str,
    browser: str | None = None,
) -> list[DecisionResult]:
    """Decide on the samples whose turn it still is, in the order of the requests."""
    seen = sample_queries.by_ids(session, project_id, [r.sample_id for r in requests])
    done = {v.sample_id: v.version for v in vote_queries.of_batch(session, project_id, batch_key)}
    events = queries.of_batch(session, project_id, batch_key)
    done |= {event.sample_id: event.seq - 1 for event in events}
    told: dict[int, DecisionResult] = {}
    batch = []
    for request in requests:
        sample, earlier = seen[request.sample_id], done.get(request.sample_id)
        if earlier is None and request.sample_id not in open_ids:
            told[request.sample_id] = _left_as_it_is(batch_key, sample)
            continue
        # Sent again, it names the version that it saw the first time: the answer is the same.
        version = sample.version if earlier is None else earlier
        batch.append(_keyed(request, batch_key, version))
    results = decisions.record(session, project_id, batch, actor, browser)
    told |= {result.sample_id: result for result in results}
    return [told[request.sample_id] for request in requests]


def _left_as_it_is(batch_key: str, sample: Sample) -> DecisionResult:
    return DecisionResult(
        f"{batch_key}:{sample.sample_id}",
        sample.sample_id,
        Outcome.CONFLICT,
        sample.version,
        sample.status,
        sample.current_class_id,
        f"{sample.file_name!r} was decided again meanwhile: it stays as it is",
    )
