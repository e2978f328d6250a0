"""What a decision does: the two gates, and the label and status that follow. See `review`.

Where several reviewers vote on a card, a decision that passed the gates is a vote: see `voting`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from turn_core.errors import DataError, NotFoundError
from turn_core.services import claims, permissions, voting
from turn_core.services.voting import STATUS_AFTER, Voting
from turn_core.store import claims as claim_queries
from turn_core.store import engine as engines
from turn_core.store import events as queries
from turn_core.store import projects as project_queries
from turn_core.store import runs as run_queries
from turn_core.store import samples as sample_queries
from turn_core.store import votes as vote_queries
from turn_core.types import (
    Action,
    DecisionRequest,
    DecisionResult,
    Outcome,
    ReviewStatus,
    Sample,
)
from turn_core.types.reviewing import Claimant, Role, VoteOutcome


def record(
    session: Session,
    project_id: int,
    requests: Sequence[DecisionRequest],
    actor: str,
    browser: str | None = None,
) -> list[DecisionResult]:
    """Do `review.record` within its transaction."""
    settles = any(voting.adjudicates(request) for request in requests)
    permissions.require(session, actor, Role.OWNER if settles else Role.REVIEWER, project_id)
    # Decisions of a project come one after the other: no deadlock, and keys are looked up once.
    project_queries.lock_project(session, project_id)
    batch = _Batch(session, project_id, requests, actor)
    results = [batch.decide(request) for request in requests]
    if batch.num_events:
        project_queries.raise_label_rev(session, project_id, batch.num_events)
    saved = {r.sample_id: r.vote for r in results if r.outcome is Outcome.SAVED}
    waiting = [sample_id for sample_id, vote in saved.items() if vote is VoteOutcome.WAITING]
    if waiting:
        claim_queries.release_samples(session, waiting, reviewer=actor)
    if len(saved) > len(waiting):
        claim_queries.release_samples(session, saved.keys() - set(waiting))
    undone = _undone(requests, results)
    if undone and browser is not None:
        claims.keep_undone(session, project_id, Claimant(actor, browser), undone)
    return results


def _undone(
    requests: Sequence[DecisionRequest], results: Sequence[DecisionResult]
) -> dict[int, str]:
    """Return the samples that are before their reviewer again, each with its queue."""
    both = zip(requests, results)
    undone = (r for r, told in both if r.action is Action.UNDO and _is_open(told))
    return {request.sample_id: request.queue for request in undone}


def _is_open(told: DecisionResult) -> bool:
    return told.outcome is Outcome.SAVED and told.vote in (None, VoteOutcome.WAITING)


class _Batch:
    """The state that the decisions of one transaction share; later ones see earlier ones."""

    def __init__(
        self,
        session: Session,
        project_id: int,
        requests: Sequence[DecisionRequest],
        actor: str,
    ) -> None:
        self.session = session
        self.project_id = project_id
        self.actor = actor
        self.now = engines.now_ms(session)
        self.class_names = {
            c: name for c, _, name in project_queries.class_list(session, project_id)
        }
        keys = [r.idem_key for r in requests]
        self.events = queries.by_keys(session, keys)
        wanted = {r.sample_id for r in requests}
        self.voting = Voting(session, project_id, wanted, actor=actor)
        self.votes = vote_queries.by_keys(session, keys) if self.voting.active else {}
        self._num_own = 0
        self.samples = sample_queries.by_ids(session, project_id, wanted)
        if missing := wanted - set(self.samples):
            raise NotFoundError(f"project {project_id} has no sample {min(missing)}")
        for run_id in {r.run_id for r in requests if r.run_id is not None}:
            run_queries.get_run(session, project_id, run_id)

    @property
    def num_events(self) -> int:
        """Return how many events were appended."""
        return self._num_own + self.voting.agreements

    def decide(self, request: DecisionRequest) -> DecisionResult:
        """Take one decision through both gates."""
        seen = self.samples[request.sample_id]
        sha256 = _payload_sha256(self.project_id, request)
        earlier = self.events.get(request.idem_key) or self.votes.get(request.idem_key)
        if earlier is not None:
            if earlier.payload_sha256 != sha256:
                return _conflict(request, seen, "this card was already used: reload the page")
            if isinstance(earlier, queries.Applied):
                return _result(request, Outcome.REPLAYED, earlier)
            return self._voted(request, Outcome.REPLAYED, earlier)
        if request.version != seen.version:
            return _conflict(request, seen, self._what_changed(seen))
        if refusal := self.voting.refusal(request):
            return _conflict(request, seen, refusal)
        if self.voting.takes(request):
            return self._vote(request, seen, sha256)
        return self._apply(request, seen, sha256)

    def _apply(self, request: DecisionRequest, seen: Sample, sha256: str) -> DecisionResult:
        change = self._change(request, seen)
        if change is None:
            return _conflict(request, seen, "there is no decision to undo")
        fixed = self._fixed(request, sha256)
        undone = request.action is Action.UNDO
        if undone:
            self.voting.leave_agreement(seen, fixed)
        if not queries.append(self.session, seen, {**fixed, **change}):
            return _conflict(request, seen, "it was changed a moment ago: reload the page")
        applied = queries.Applied(sha256, seen.version + 1, change["status"], change["class_id"])
        self.events[request.idem_key] = applied
        self._num_own += 1
        self.samples[seen.sample_id] = dataclasses.replace(
            seen,
            version=applied.seq,
            status=applied.status,
            current_class_id=applied.class_id,
        )
        self.voting.moved(seen, undone=undone)
        return _result(request, Outcome.SAVED, applied)

    def _vote(self, request: DecisionRequest, seen: Sample, sha256: str) -> DecisionResult:
        fixed = self._fixed(request, sha256)
        if request.action is Action.UNDO:
            row = self.voting.take_back(seen, fixed)
        else:
            row = self.voting.cast(seen, fixed, self._change(request, seen) or {})
        self.votes[request.idem_key] = row
        self.samples[seen.sample_id] = self.voting.tally(seen, self.now)
        return self._voted(request, Outcome.SAVED, row)

    def _voted(
        self, request: DecisionRequest, outcome: Outcome, row: vote_queries.Row
    ) -> DecisionResult:
        """Tell a reviewer what became of a vote: status and class are those they voted for."""
        seen = self.samples[row.sample_id]
        told = self.voting.outcome(row.sample_id, row.version)
        mine = self.voting.mine(row.sample_id) if row.action == Action.UNDO else row
        action = None if mine is None else Action(mine.action)
        return DecisionResult(
            request.idem_key,
            row.sample_id,
            outcome,
            row.version + (told is VoteOutcome.AGREED),
            seen.status if action is None else STATUS_AFTER[action],
            seen.current_class_id if mine is None or mine.class_id is None else mine.class_id,
            vote=told,
        )

    def _change(self, request: DecisionRequest, seen: Sample) -> dict[str, Any] | None:
        if request.action is Action.UNDO:
            last = queries.last_standing(self.session, seen.sample_id)
            if last is None:
                return None
            before = {"class_id": last.prev_class_id, "status": ReviewStatus(last.prev_status)}
            return {"action": Action.UNDO, "undoes": last.id, **before}
        action, class_id = request.action, seen.current_class_id
        if action is Action.RELABEL:
            class_id = self._chosen(request, seen)
            action = Action.KEEP if class_id == seen.given_class_id else Action.RELABEL
        elif action is Action.KEEP:
            class_id = seen.given_class_id
            if class_id is None:
                raise DataError(
                    f"{seen.file_name!r} has no given label to keep: choose a class for it"
                )
        return {"action": action, "class_id": class_id, "status": STATUS_AFTER[action]}

    def _chosen(self, request: DecisionRequest, seen: Sample) -> int:
        if request.class_id is None or request.class_id not in self.class_names:
            raise DataError(
                f"{seen.file_name!r} cannot get class {request.class_id}: "
                "choose a class of this project"
            )
        return request.class_id

    def _fixed(self, request: DecisionRequest, sha256: str) -> dict[str, object]:
        return {
            "project_id": self.project_id,
            "actor": self.actor,
            "at": self.now,
            "run_id": request.run_id,
            "seconds_spent": request.seconds_spent,
            "bulk": request.bulk or request.batch_key is not None,
            "batch_key": request.batch_key,
            "queue": voting.ADJUDICATION if voting.adjudicates(request) else request.queue,
            "idem_key": request.idem_key,
            "payload_sha256": sha256,
        }

    def _what_changed(self, seen: Sample) -> str:
        last = queries.head(self.session, seen.sample_id)
        label = self.class_names.get(seen.current_class_id or 0, "no label")
        who = "nobody yet" if last is None else last.actor
        return (
            f"{seen.file_name!r} was changed meanwhile by {who}: "
            f"it is now {label!r} ({seen.status.value})"
        )


def _payload_sha256(project_id: int, request: DecisionRequest) -> str:
    # How long it took and where it was shown may differ when the same decision is sent again.
    decided = [request.sample_id, request.version, request.action.value, request.class_id]
    return hashlib.sha256(json.dumps([project_id, *decided]).encode()).hexdigest()


def _result(request: DecisionRequest, outcome: Outcome, applied: queries.Applied) -> DecisionResult:
    _, version, status, class_id = applied
    return DecisionResult(request.idem_key, request.sample_id, outcome, version, status, class_id)


def _conflict(request: DecisionRequest, seen: Sample, message: str) -> DecisionResult:
    return DecisionResult(
        request.idem_key,
        seen.sample_id,
        Outcome.CONFLICT,
        seen.version,
        seen.status,
        seen.current_class_id,
        message,
    )
