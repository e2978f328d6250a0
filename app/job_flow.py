"""A job that goes on, with the button that cancels it."""

from app.views import progress
from turn_core.services import jobs
from turn_core.services.workspace import Workspace
from turn_core.types import Job


def follow(workspace: Workspace, job_id: int, reviewer: str, *, key: str) -> Job:
    """Show a job while it is active, renewed every second; return it as it is now."""
    return progress.follow(
        lambda: jobs.get_job(workspace, job_id),
        lambda: jobs.cancel(workspace, job_id, actor=reviewer),
        worker_alive=jobs.worker_status(workspace).alive,
        key=key,
    )
