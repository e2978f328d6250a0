"""What the job of a comparison reads and stores; every write names its fence."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from turn_core.services import leases
from turn_core.services.workspace import Workspace
from turn_core.store import comparisons as queries
from turn_core.types.comparing import Cell, Comparison


def of_job(workspace: Workspace, job_id: int) -> Comparison:
    """Return the comparison that a job computes.

    Raises:
        NotFoundError: it was deleted.
    """
    with workspace.reading() as session:
        return queries.of_job(session, job_id)


def save_cell(
    workspace: Workspace, comparison: Comparison, cell: Cell, *, fence: int | None = None
) -> None:
    """Store a cell that is whole; for the job.

    Raises:
        ConflictError: another worker has the job.
    """

    def work(session: Session) -> None:
        leases.require_fence(session, comparison.job_id, fence)
        queries.put_cell(session, comparison, cell)

    workspace.write(work)


def save_summary(
    workspace: Workspace,
    comparison: Comparison,
    summary: Mapping[str, Any],
    *,
    fence: int | None = None,
) -> None:
    """Store what was used; for the job.

    Raises:
        ConflictError: another worker has the job.
    """

    def work(session: Session) -> None:
        leases.require_fence(session, comparison.job_id, fence)
        queries.set_summary(session, comparison.comparison_id, summary)

    workspace.write(work)
