"""How many samples have each review status, as one bar with a legend."""

from collections.abc import Mapping

from app.components.inline import inline_component
from app.format import STATUS_TEXT
from turn_core.types import ReviewStatus

_mount = inline_component("status_bar")
_ORDER = (
    ReviewStatus.KEPT,
    ReviewStatus.RELABELED,
    ReviewStatus.EXCLUDED,
    ReviewStatus.NEEDS_REVIEW,
    ReviewStatus.SKIPPED,
    ReviewStatus.PENDING,
)


def status_bar(counts: Mapping[ReviewStatus, int], *, key: str) -> None:
    """Draw the bar; a status without samples appears in the legend only if it is pending."""
    parts = [
        {"name": status.value, "title": STATUS_TEXT[status], "count": counts.get(status, 0)}
        for status in _ORDER
        if counts.get(status, 0) or status is ReviewStatus.PENDING
    ]
    _mount(key=key, data={"parts": parts})
