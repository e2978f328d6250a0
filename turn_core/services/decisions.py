"""What a decision does: the two gates, and the label and status that follow. See `review`."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from turn_core.errors import DataError, NotFoundError
from turn_core.services import permissions
from turn_core.store import claims as claim_queries
from turn_core.store import engine as engines
from turn_core.store import events as queries
from turn_core.store import projects as project_queries
from turn_core.store import runs as run_queries
from turn_core.store import samples as sample_queries
from turn_core.types import (
    Action,
    DecisionRequest,
    DecisionResult,
    Outcome,
    ReviewStatus,
    Sample,
)
from turn_core.types.reviewing import Role

STATUS_AFTER = {
    Action.KEEP: ReviewStatus.KEPT,
    Action.RELABEL: ReviewStatus.RELABELED,
    Action.EXCLUDE: ReviewStatus.EXCLUDED,
    Action.NEEDS_REVIEW: ReviewStatus.NEEDS_REVIEW,
    Action.SKIP: ReviewStatus.SKIPPED,
}
"""The review status that each decision leads to; undo restores the one before."""


def record(
    session: Session, project_id: int, requests: Sequence[DecisionRequest], actor: str
) -> list[DecisionResult]:
    """Do `review.record` within its transaction."""
    permissions.require(session, actor, Role.REVIEWER, project_id)
    # Decisions of a project come one after the other: no deadlock, and keys are looked up once.
    project_queries.lock_project(session, project_id)
    batch = _Batch(session, project_id, requests, actor)
    results = [batch.decide(request) for request in requests]
    saved = sum(result.outcome is Outcome.SAVED for result in results)
    if saved:
        project_queries.raise_label_rev(session, project_id, saved)
        claim_queries.release_samples(
            session, [r.sample_id for r in results if r.outcome is Outcome.SAVED]
        )
    return results


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
        self.events = queries.by_keys(session, [r.idem_key for r in requests])
        wanted = {r.sample_id for r in requests}
        self.samples = sample_queries.by_ids(session, project_id, wanted)
        if missing := wanted - set(self.samples):
            raise NotFoundError(f"project {project_id} has no sample {min(missing)}")
        for run_id in {r.run_id for r in requests if r.run_id is not None}:
            run_queries.get_run(session, project_id, run_id)

    def decide(self, request: DecisionRequest) -> DecisionResult:
        """Take one decision through both gates."""
        seen = self.samples[request.sample_id]
        sha256 = _payload_sha256(self.project_id, request)
        if (earlier := self.events.get(request.idem_key)) is not None:
            if earlier.payload_sha256 == sha256:
                return _result(request, Outcome.REPLAYED, earlier)
            return _conflict(request, seen, "this card was already used: reload the page")
        if request.version != seen.version:
            return _conflict(request, seen, self._what_changed(seen))
        change = self._change(request, seen)
        if change is None:
            return _conflict(request, seen, "there is no decision to undo")
        if not queries.append(self.session, seen, {**self._fixed(request, sha256), **change}):
            return _conflict(request, seen, "it was changed a moment ago: reload the page")
        applied = queries.Applied(sha256, seen.version + 1, change["status"], change["class_id"])
        self.events[request.idem_key] = applied
        self.samples[seen.sample_id] = dataclasses.replace(
            seen,
            version=applied.seq,
            status=applied.status,
            current_class_id=applied.class_id,
        )
        return _result(request, Outcome.SAVED, applied)

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
            "queue": request.queue,
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
