"""A job in this very process: the command line runs the same tasks as the worker does."""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from turn_core.errors import ConflictError, JobCancelled, JobError
from turn_core.jobs import attempt, faults, processes
from turn_core.jobs.attempt import TASKS_MODULE, Ending
from turn_core.jobs.context import JobContext, StopFlag
from turn_core.jobs.heartbeat import Heartbeat
from turn_core.services import jobs, leases
from turn_core.services.workspace import Workspace
from turn_core.types import Job, JobState, Progress

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def run_here(
    workspace: Workspace,
    job: Job,
    *,
    on_progress: Callable[[Progress], None],
    tasks_module: str = TASKS_MODULE,
) -> Job:
    """Run a queued job to its end and return it; call it from the main thread.

    What is logged goes into the job's log. Ctrl-C stops the task at its next step and leaves the
    job queued, so that running it again resumes it; a second Ctrl-C ends at once.

    Raises:
        JobError: the job failed; the sentence is the job's.
        JobCancelled: somebody cancelled it.
        ConflictError: somebody else runs it.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    stop = StopFlag()
    with _logged(workspace, job.job_id), _interruptible(stop):
        claimed = leases.claim(workspace, str(processes.identify()), [job.kind])
        if claimed is None or claimed.job.job_id != job.job_id:
            raise ConflictError(f"job {job.job_id} is run by another process; wait for it")
        context = JobContext(workspace, claimed.job, claimed.fence, stop=stop)
        heartbeat = Heartbeat(
            context,
            lease_seconds=leases.LEASE_SECONDS,
            on_lost=stop.interrupt,
            on_progress=on_progress,
        )
        ending = attempt.run(context, heartbeat, tasks_module)
    if ending is not Ending.ENDED:
        leases.release(workspace, job.job_id, claimed.fence)
        raise KeyboardInterrupt
    return _require_done(jobs.get_job(workspace, job.job_id))


def _require_done(job: Job) -> Job:
    told = job.error or "The job ended without a result"
    if job.state is JobState.CANCELLED:
        raise JobCancelled(told)
    if job.state is not JobState.DONE:
        raise JobError(told)
    return job


@contextmanager
def _logged(workspace: Workspace, job_id: int) -> Iterator[None]:
    folder = workspace.files.logs
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / faults.log_name(job_id), encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()


@contextmanager
def _interruptible(stop: StopFlag) -> Iterator[None]:
    def on_signal(number: int, _frame: object) -> None:
        stop.interrupt()
        signal.signal(number, before[number])

    before = {n: signal.signal(n, on_signal) for n in (int(signal.SIGINT), int(signal.SIGTERM))}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
