"""What a task sees of its job: parameters in, progress and curves out, and when to stop.

A task is `run(context: JobContext) -> dict`, the dict being plain JSON values. It calls
`context.check()` at every step, so that Cancel takes effect within one.
"""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from turn_core.errors import JobCancelled
from turn_core.jobs.progress import ProgressTracker
from turn_core.types import Job, Progress

if TYPE_CHECKING:
    from turn_core.services.workspace import Workspace


class JobInterrupted(BaseException):
    """The worker stops while the job is not done; the job goes back to the queue.

    Not an Exception: a task that turns its failures into a failed run must not see it as one.
    """


class StopFlag:
    """Why a job should stop: a person cancelled it, or its worker stops. Cancelling wins."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._interrupted = threading.Event()

    def cancel(self) -> None:
        """A person pressed Cancel."""
        self._cancelled.set()

    def interrupt(self) -> None:
        """The worker stops, or a person pressed Ctrl-C."""
        self._interrupted.set()

    def check(self) -> None:
        """Return when the job should go on.

        Raises:
            JobCancelled: a person pressed Cancel.
            JobInterrupted: the worker stops.
        """
        if self._cancelled.is_set():
            raise JobCancelled("The job was cancelled; nothing of it was kept")
        if self._interrupted.is_set():
            raise JobInterrupted


class JobContext:
    """The job's side of the bargain; one per attempt.

    Attributes:
        workspace: the store and the files.
        job: the job as it was when the attempt began.
        params: its parameters, plain JSON values.
        fence: number of this claim; the store refuses writes that name an older one.
    """

    def __init__(
        self,
        workspace: "Workspace",
        job: Job,
        fence: int,
        *,
        tracker: ProgressTracker | None = None,
        stop: StopFlag | None = None,
    ) -> None:
        self.workspace = workspace
        self.job = job
        self.fence = fence
        self.params: Mapping[str, object] = job.params
        self.tracker = tracker or ProgressTracker(earlier=job.progress)
        self.stop = stop or StopFlag()
        self._last = Progress()

    def progress(
        self,
        *,
        step: int = 0,
        total: int = 0,
        message: str = "",
        stage: str | None = None,
        stage_index: int | None = None,
        num_stages: int | None = None,
    ) -> None:
        """Say how far the task is; the stage and its place stay as they were where not given.

        Cheap: it is written to the store a few times a second at most, by another thread.
        `stage_index` counts from 1 to `num_stages`.
        """
        last = self._last
        self._last = replace(
            last,
            step=step,
            total=total,
            message=message,
            stage=last.stage if stage is None else stage,
            stage_index=last.stage_index if stage_index is None else stage_index,
            num_stages=last.num_stages if num_stages is None else num_stages,
        )
        self.tracker.update(self._last)

    def curve(self, name: str, x: float, y: float) -> None:
        """Add the point (x, y) to the live curve `name`."""
        self.tracker.add_point(name, float(x), float(y))

    def check(self) -> None:
        """Return when the task should go on; call it at every step.

        Raises:
            JobCancelled: a person pressed Cancel; clean up and let it pass.
            JobInterrupted: the worker stops; keep the last checkpoint and let it pass.
        """
        self.stop.check()
