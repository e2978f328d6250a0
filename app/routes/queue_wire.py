"""A queue and its counts on the wire: query parameters one way, JSON the other."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from turn_core.errors import DataError
from turn_core.types import QueueCounts, QueueFilter, QueueKind, ReviewStatus
from turn_core.types.reviewing import UNDECIDED, Left

E = TypeVar("E", bound=StrEnum)
MAX_PAIRS = 200
_IDS = {
    "class_id": "class_id",
    "given": "given_class_id",
    "suggested": "suggested_class_id",
    "tag": "tag_id",
}


def queue_from(query: Mapping[str, str]) -> QueueFilter:
    """Read a queue from query parameters.

    They are kind, class_id, given, suggested, tag, low, high, confidence and status.

    `status` is a list with commas. What is absent or empty does not narrow the queue.

    Raises:
        DataError: a value cannot be read, or the kind needs one that is absent.
    """
    ids = {field: _whole(query, name) for name, field in _IDS.items()}
    statuses = [_one_of(ReviewStatus, "status", text) for text in _texts(query, "status")]
    return QueueFilter(
        kind=_one_of(QueueKind, "kind", query.get("kind") or QueueKind.WORST_FIRST),
        low=_share(query, "low"),
        high=_share(query, "high"),
        confidence=_share(query, "confidence"),
        statuses=tuple(statuses) or UNDECIDED,
        **ids,
    )


def queue_query(queue: QueueFilter) -> dict[str, str]:
    """Return the query parameters that `queue_from` reads as this queue."""
    found = {} if queue.kind is QueueKind.WORST_FIRST else {"kind": queue.kind.value}
    for name, value in [
        *((name, getattr(queue, field)) for name, field in _IDS.items()),
        ("low", queue.low),
        ("high", queue.high),
        ("confidence", queue.confidence),
    ]:
        if value is not None:
            found[name] = str(value)
    if queue.statuses != UNDECIDED:
        found["status"] = ",".join(queue.statuses)
    return found


def counts_json(counts: QueueCounts) -> dict[str, Any]:
    """Return what is left in every queue; of the pairs the `MAX_PAIRS` fullest."""
    pairs = [[*pair, *_left(left)] for pair, left in list(counts.pairs.items())[:MAX_PAIRS]]
    return {
        "byStatus": {status.value: number for status, number in counts.by_status.items()},
        "total": _left(counts.total),
        "pairs": pairs,
        "classes": [[class_id, *_left(left)] for class_id, left in counts.classes.items()],
        "nearTau": counts.near_tau,
        "duplicates": counts.duplicates,
        "audit": counts.audit,
        "disagreement": counts.disagreement,
        "tags": [[tag_id, number] for tag_id, number in counts.tags.items()],
    }


def _left(left: Left) -> tuple[int, int]:
    return left.undecided, left.issues


def _texts(query: Mapping[str, str], name: str) -> list[str]:
    return [text for text in query.get(name, "").split(",") if text]


def _one_of(kind: type[E], name: str, text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise DataError(f"{name} must be one of {known}; got {text[:20]!r}") from None


def _whole(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise DataError(f"{name} must be a whole number, got {text[:20]!r}")
    return int(text) if text else None


def _share(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name, "")
    try:
        return float(text) if text else None
    except ValueError:
        raise DataError(f"{name} must be a number from 0 to 1, got {text[:20]!r}") from None
