"""The thread beside a task: prolongs the lease, writes progress, hears of Cancel and of a loss."""

import logging
import os
import threading
import time
from collections.abc import Callable

from turn_core.jobs.context import JobContext
from turn_core.services import leases
from turn_core.types import Progress

TICK_SECONDS = 0.4
"""Progress is written at most this often."""
IDLE_SECONDS = 1.0
"""Without progress the lease is prolonged, and the cancel flag read, this often."""

log = logging.getLogger(__name__)


class Heartbeat(threading.Thread):
    """Beats until `close`; use it as a context manager around the task.

    Args:
        context: of the task; its stop flag is set when a person cancels.
        lease_seconds: how long the job stays ours after a beat.
        on_lost: called when the job is no longer ours, or our parent is gone.
        on_progress: called with every new progress, in this thread.
        parent_pid: of the worker; it is watched where the kernel cannot tell us of its end.
    """

    def __init__(
        self,
        context: JobContext,
        *,
        lease_seconds: float,
        on_lost: Callable[[], None],
        on_progress: Callable[[Progress], None] | None = None,
        parent_pid: int | None = None,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._context = context
        self._lease_seconds = lease_seconds
        self._on_lost = on_lost
        self._on_progress = on_progress
        self._parent_pid = parent_pid
        self._closing = threading.Event()
        self._written = 0
        self._beaten_at = time.monotonic()

    def __enter__(self) -> "Heartbeat":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.set()
        self.join()
        self._beat(last=True)

    def run(self) -> None:
        """Beat; the thread's body."""
        while not self._closing.wait(TICK_SECONDS):
            if self._parent_pid is not None and os.getppid() != self._parent_pid:
                self._on_lost()
            self._beat()

    def _beat(self, *, last: bool = False) -> None:
        version = self._context.tracker.version
        progress = self._context.tracker.snapshot() if version != self._written else None
        now = time.monotonic()
        if progress is None and (last or now - self._beaten_at < IDLE_SECONDS):
            return
        try:
            answer = leases.heartbeat(
                self._context.workspace,
                self._context.job.job_id,
                self._context.fence,
                progress,
                lease_seconds=self._lease_seconds,
            )
        except Exception:  # the database may be back before the lease ends
            log.warning("a heartbeat could not be written", exc_info=True)
            if now - self._beaten_at > self._lease_seconds:
                self._on_lost()
            return
        self._written, self._beaten_at = version, now
        self._tell(answer, progress)

    def _tell(self, answer: leases.Heartbeat, progress: Progress | None) -> None:
        if not answer.still_mine:
            self._on_lost()
        elif answer.cancel_requested:
            self._context.stop.cancel()
        if progress is not None and self._on_progress is not None:
            self._on_progress(progress)
