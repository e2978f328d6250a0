"""What the job of an exploration reads and stores; every write names its fence."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from turn_core.services import leases
from turn_core.services.workspace import Workspace
from turn_core.store import explorations as queries
from turn_core.types.exploring import Exploration, Panel


def of_job(workspace: Workspace, job_id: int) -> Exploration:
    """Return the exploration that a job computes.

    Raises:
        NotFoundError: it was deleted.
    """
    with workspace.reading() as session:
        return queries.of_job(session, job_id)


def save_panel(
    workspace: Workspace, exploration: Exploration, panel: Panel, *, fence: int | None = None
) -> None:
    """List a panel whose file is whole, or say what was added to it; for the job.

    Raises:
        ConflictError: another worker has the job.
    """
    values = {
        "project_id": exploration.project_id,
        "backbone": panel.backbone,
        "method": panel.method.value,
        "noise_level": panel.noise_level,
        "metrics": dict(panel.metrics),
        "projections": " ".join(panel.projections),
        "ready_at": round(panel.ready_at * 1000),
    }

    def work(session: Session) -> None:
        leases.require_fence(session, exploration.job_id, fence)
        queries.put_panel(session, exploration.exploration_id, panel.idx, values)

    workspace.write(work)


def save_summary(
    workspace: Workspace,
    exploration: Exploration,
    summary: Mapping[str, Any],
    *,
    fence: int | None = None,
) -> None:
    """Store what was used and made; for the job.

    Raises:
        ConflictError: another worker has the job.
    """

    def work(session: Session) -> None:
        leases.require_fence(session, exploration.job_id, fence)
        queries.set_summary(session, exploration.exploration_id, summary)

    workspace.write(work)
