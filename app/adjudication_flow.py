"""Settling conflicts, and taking the last one back."""

import uuid

from app import state
from app.components.adjudication import Settled
from turn_core.services import review, votes
from turn_core.services.workspace import Workspace
from turn_core.types import DecisionRequest, Outcome

AT_ONCE = 50
"""So many conflicts at most are with the browser; the next follow as these are settled."""


def settle(workspace: Workspace, project_id: int, settled: Settled, reviewer: str) -> None:
    """Settle a conflict; what became of it is said beside the next one."""
    request = DecisionRequest(
        sample_id=settled.sample_id,
        version=settled.version,
        action=settled.action,
        class_id=settled.class_id,
        idem_key=settled.idem_key,
        seconds_spent=settled.seconds_spent,
    )
    result = votes.adjudicate(workspace, project_id, request, actor=reviewer)
    if result.outcome is Outcome.CONFLICT:
        state.say_of_settling(f"Not settled: {result.message}")
        return
    state.note_settled(project_id, result.sample_id, result.version)
    state.say_of_settling("✓ Settled")


def undo(workspace: Workspace, project_id: int, reviewer: str) -> None:
    """Take back what was settled last in this session: reviewers disagree on it again."""
    last = state.last_settled(project_id)
    if last is None:
        return
    sample_id, version = last
    key = uuid.uuid4().hex
    result = review.undo(
        workspace, project_id, sample_id, idem_key=key, version=version, actor=reviewer
    )
    done = result.outcome is not Outcome.CONFLICT
    state.forget_settled()
    if done:
        state.say_of_settling("Taken back", show=sample_id)
    else:
        state.say_of_settling(f"Not taken back: {result.message}")
