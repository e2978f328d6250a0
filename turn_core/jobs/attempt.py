"""One attempt at a job: run its task, and end the job as the task ended."""

import importlib
import logging
import shutil
from collections.abc import Callable
from enum import Enum
from typing import Any, cast

from turn_core.errors import JobCancelled, StoreError
from turn_core.jobs import faults
from turn_core.jobs.context import JobContext, JobInterrupted
from turn_core.jobs.heartbeat import Heartbeat
from turn_core.services import leases
from turn_core.services.workspace import Workspace
from turn_core.types import JobKind, JobState

Task = Callable[[JobContext], dict[str, Any]]

TASKS_MODULE = "turn_core.jobs.tasks"

log = logging.getLogger(__name__)


class Ending(Enum):
    """How an attempt ended."""

    ENDED = "ended"
    INTERRUPTED = "interrupted"
    FENCED = "fenced"


def find_task(kind: JobKind, tasks_module: str = TASKS_MODULE) -> Task:
    """Import and return the task of `kind`; the module's TASKS maps a kind to "module:function"."""
    where = importlib.import_module(tasks_module).TASKS[kind]
    module, _, name = where.partition(":")
    return cast(Task, getattr(importlib.import_module(module), name))


def run(context: JobContext, heartbeat: Heartbeat, tasks_module: str = TASKS_MODULE) -> Ending:
    """Run the task of the context's job and write the job's end.

    An interrupted job is left running in the store: its worker gives it back.

    Raises:
        StoreError: the database is away. The job is left running: its worker tries it again.
    """
    state, result, error = JobState.DONE, None, None
    try:
        with heartbeat:
            result = find_task(context.job.kind, tasks_module)(context)
    except JobInterrupted:
        log.info("interrupted")
        return Ending.INTERRUPTED
    except StoreError:
        raise
    except JobCancelled as cancelled:
        state, error = JobState.CANCELLED, str(cancelled)
    except Exception as fault:  # the edge: whatever a task raises ends its job with a sentence
        log.exception("the task failed")
        state, error = JobState.FAILED, str(faults.as_turn_error(fault, context.job.job_id))
    mine = finish(context, state=state, result=result, error=error)
    return Ending.ENDED if mine else Ending.FENCED


def finish(
    context: JobContext, *, state: JobState, result: dict[str, Any] | None, error: str | None
) -> bool:
    """Write the job's end and sweep its staging folder; False if the job was taken away."""
    workspace, job_id = context.workspace, context.job.job_id
    log.info("%s%s", state.value, f": {error}" if error else "")
    mine = leases.finish(workspace, job_id, context.fence, state=state, result=result, error=error)
    if mine:
        sweep_staging(workspace, job_id)
    return mine


def sweep_staging(workspace: Workspace, job_id: int) -> None:
    """Remove what a job that is over left in its staging folder."""
    shutil.rmtree(workspace.files.staging(job_id), ignore_errors=True)
