"""Images that can no longer be read, though they could at import."""

from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.orm import Session

from turn_core.services.workspace import Workspace
from turn_core.store import projects, tables
from turn_core.types import SampleState

CHUNK = 500
"""Ids per statement, below the limit of every database."""


def mark_unreadable(workspace: Workspace, project_id: int, sample_ids: Sequence[int]) -> None:
    """Give samples the state `unreadable`: no later round uses them, browsing shows it.

    Raises:
        NotFoundError: there is no such project.
    """

    def work(session: Session) -> None:
        projects.lock_project(session, project_id)
        for start in range(0, len(sample_ids), CHUNK):
            session.execute(
                update(tables.Sample)
                .where(
                    tables.Sample.project_id == project_id,
                    tables.Sample.id.in_(sample_ids[start : start + CHUNK]),
                )
                .values(state=SampleState.UNREADABLE)
            )
        projects.raise_label_rev(session, project_id, 1)

    if sample_ids:
        workspace.write(work)
