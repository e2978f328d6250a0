"""Candidates and decisions as JSON: the one place that knows the names the browser uses."""

import math
from collections.abc import Mapping
from typing import Any

from turn_core.errors import DataError
from turn_core.services.review import ReviewProgress
from turn_core.types import Action, Candidate, DecisionRequest, DecisionResult
from turn_core.types.reviewing import MAX_BULK

Json = dict[str, Any]
MAX_DECISIONS = 500
_KEY_CHARS = 80


def candidate_json(candidate: Candidate) -> Json:
    """Return all that the review card shows of a candidate."""
    sample = candidate.sample
    return {
        "id": sample.sample_id,
        "name": sample.file_name,
        "sha": sample.sha256[:16],
        "width": sample.width,
        "height": sample.height,
        "version": sample.version,
        "status": sample.status.value,
        "given": sample.given_class_id,
        "current": sample.current_class_id,
        "rank": candidate.rank,
        "clean": candidate.clean_probability,
        "history": [value for value in candidate.clean_history if math.isfinite(value)],
        "suggested": candidate.suggested_class_id,
        "suggestedP": candidate.suggested_probability,
        "givenP": candidate.given_probability,
        "fallback": candidate.fallback,
        "queue": candidate.queue,
        "top": [[item.class_id, item.probability] for item in candidate.top],
        "near": [
            {
                "id": near.sample_id,
                "sha": near.sha256[:16],
                "similarity": near.similarity,
                "current": near.current_class_id,
            }
            for near in candidate.neighbours
        ],
    }


def progress_json(progress: ReviewProgress) -> Json:
    """Return the counts that the card's head line shows."""
    return {
        "pending": progress.pending,
        "decided": progress.decided,
        "issues": progress.num_issues_pending,
        "allIssues": progress.num_issues,
        "byStatus": {status.value: number for status, number in progress.by_status.items()},
    }


def result_json(result: DecisionResult) -> Json:
    """Return what became of one decision."""
    return {
        "key": result.idem_key,
        "id": result.sample_id,
        "outcome": result.outcome.value,
        "version": result.version,
        "status": result.status.value,
        "current": result.current_class_id,
        "message": result.message,
        "vote": None if result.vote is None else result.vote.value,
    }


def batch_from(body: Mapping[str, object], name: str = "batch") -> str | None:
    """Read the key of a batch: decisions that were made at once. None where there is none.

    Raises:
        DataError: it is not a text of 8 to 60 characters.
    """
    key = body.get(name)
    if key is None:
        return None
    if not isinstance(key, str) or not 8 <= len(key) <= 60 or not key.isprintable():
        raise DataError(f"{name} must be a text of 8 to 60 characters")
    return key


def decisions_from(body: Mapping[str, object]) -> list[DecisionRequest]:
    """Read `{"decisions": [...]}`, 1 to 500 of them; of a batch up to 5,000.

    Raises:
        DataError: a field is missing, unknown, or of the wrong type.
    """
    items = body.get("decisions")
    most = MAX_DECISIONS if batch_from(body) is None else MAX_BULK
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise DataError(f"decisions must be a list of 1 to {most} decisions")
    return [_decision(item) for item in items]


def _decision(item: object) -> DecisionRequest:
    if not isinstance(item, dict):
        raise DataError("a decision must be a JSON object")
    action, key, queue = item.get("action"), item.get("key"), item.get("queue", "worst_first")
    if not isinstance(action, str) or action not in {known.value for known in Action}:
        raise DataError(f"action must be one of {', '.join(Action)}")
    if not isinstance(key, str) or not 8 <= len(key) <= _KEY_CHARS or not key.isprintable():
        raise DataError(f"key must be a text of 8 to {_KEY_CHARS} characters")
    if not isinstance(queue, str) or not 1 <= len(queue) <= _KEY_CHARS or not queue.isprintable():
        raise DataError("queue must be the name of a queue")
    seconds = item.get("seconds")
    if seconds is not None and not (_is_number(seconds) and 0 <= seconds < 1e6):
        raise DataError("seconds must be a number from 0 to 1,000,000")
    return DecisionRequest(
        sample_id=_whole(item, "id"),
        version=_whole(item, "version"),
        action=Action(action),
        idem_key=key,
        class_id=None if item.get("class") is None else _whole(item, "class"),
        run_id=None if item.get("run") is None else _whole(item, "run"),
        seconds_spent=None if seconds is None else float(seconds),
        bulk=item.get("bulk") is True,
        queue=queue,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(item: Mapping[str, object], name: str) -> int:
    value = item.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise DataError(f"{name} must be a whole number")
    return value
