"""The worker: claims jobs from the store and runs each in a process of its own.

One training run per GPU (one in all without GPU), and up to two light jobs beside it. It knows
nothing of the web process, imports no torch, and leaves nothing in memory that matters: after a
SIGKILL the next worker takes up what this one left.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from turn_core.config import Settings
from turn_core.errors import NotFoundError, TurnError
from turn_core.jobs import attempt, faults, processes, slots
from turn_core.jobs.processes import ProcessId
from turn_core.jobs.slots import Slot
from turn_core.jobs.sweeping import Sweeper
from turn_core.services import jobs, leases
from turn_core.services.leases import JobProcess
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.types import Job, JobKind, JobState

HEAVY_KINDS = frozenset(
    {JobKind.TRAIN, JobKind.EXPLORE, JobKind.WHAT_IF, JobKind.SEARCH, JobKind.COMPARE}
)
"""These train networks: one at a time per GPU, or in all."""
LIGHT_KINDS = frozenset(JobKind) - HEAVY_KINDS
UPKEEP_SECONDS = 5.0
JUMP_SECONDS = 5.0
"""A clock that ran ahead by more was set, or the machine slept."""
WAKE_SECONDS = 10.0
"""Pause after that, in which running jobs prolong their leases before anyone calls them over."""
WORKER_KILLED = "the worker was killed or the machine restarted"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How the worker waits and what it runs; the defaults are the product's."""

    poll_seconds: float = 0.2
    """Pause between two looks at the store."""
    lease_seconds: float = leases.LEASE_SECONDS
    """A job whose process was not heard of for so long is given to another worker."""
    cancel_patience: float = 10.0
    """Seconds from Cancel to SIGTERM, when a task does not notice."""
    kill_patience: float = 5.0
    """Seconds from that SIGTERM to SIGKILL."""
    stop_patience: float = 25.0
    """Seconds that the jobs get to stop in when the worker stops."""
    light_slots: int = 2
    """Jobs other than training that run at once."""
    tasks_module: str = attempt.TASKS_MODULE
    """Module whose TASKS says what each kind of job runs."""


@dataclass(slots=True)
class Running:
    """A job that runs in a process of ours."""

    job: Job
    fence: int
    process: "subprocess.Popen[bytes]"
    slot: Slot | None
    cancel_seen_at: float | None = None
    signals_sent: list[int] = field(default_factory=list)
    leaving: bool = False
    """Its job has ended or is another's; it has until the next upkeep to leave."""

    @property
    def key(self) -> tuple[int, int]:
        """Job id and fence: this attempt, and no later one."""
        return self.job.job_id, self.fence


class Worker:
    """Runs jobs until `stop`. All its work is in one thread."""

    def __init__(self, workspace: Workspace, options: WorkerOptions | None = None) -> None:
        self._workspace = workspace
        self._options = options or WorkerOptions()
        self._owner = str(processes.identify())
        self._running: list[Running] = []
        self._stopping = threading.Event()
        self._upkeep_at = float("-inf")
        self._clock_ahead = time.time() - time.monotonic()
        self._awake_at = float("-inf")
        self._gpus = slots.devices(os.environ)
        self._sweeper = Sweeper(workspace)

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`; then let the jobs checkpoint and give them back to the queue.

        A database that is away for a while is waited for.
        """
        log.info("worker %s starts; home is %s", self._owner, self._workspace.settings.home)
        self._sweeper.start()
        try:
            while not self._stopping.is_set():
                well = self._guarded(self._tick)
                self._stopping.wait(self._options.poll_seconds if well else 1.0)
        finally:
            self._shut_down()

    def _guarded(self, work: "Callable[[], None]") -> bool:
        try:
            work()
        except TurnError as error:
            log.warning("the store cannot be used now: %s", error)
            return False
        return True

    def _tick(self) -> None:
        for running in list(self._running):
            if running.process.poll() is not None:
                self._bury(running)
        waking = self._is_waking()
        if time.monotonic() - self._upkeep_at >= UPKEEP_SECONDS:
            self._upkeep(waking)
            self._upkeep_at = time.monotonic()
        active = jobs.list_jobs(self._workspace, active_only=True, limit=None)
        self._enforce_cancel(active)
        if not waking:
            self._claim({job.kind for job in active if job.state is JobState.QUEUED})

    def _upkeep(self, waking: bool) -> None:
        jobs.beat_worker(self._workspace, self._owner)
        found = leases.running_processes(self._workspace)
        ours = {(process.job_id, process.fence) for process in found}
        for running in self._running:
            if running.key not in ours and running.process.poll() is None:
                if running.leaving:
                    log.warning("job %d is not ours; its process is killed", running.job.job_id)
                    processes.signal_group(running.process, signal.SIGKILL)
                running.leaving = True
        for process in found:
            self._take_over(process)
        if not waking:
            leases.reap(self._workspace)

    def _is_waking(self) -> bool:
        """Whether the clock jumped a moment ago: leases look over that nobody could prolong."""
        now = time.monotonic()
        ahead = time.time() - now
        if ahead - self._clock_ahead > JUMP_SECONDS:
            self._awake_at = now + WAKE_SECONDS
        self._clock_ahead = ahead
        return now < self._awake_at

    def _take_over(self, found: JobProcess) -> None:
        """Give a job back whose worker is gone, without waiting for its lease to end."""
        owner = ProcessId.parse(found.owner)
        if owner is None or not processes.is_surely_dead(owner):
            return
        if found.pid and found.boot_id:
            start = int(found.pid_start or 0)
            processes.kill_group_of(ProcessId(owner.host, found.pid, start, found.boot_id))
        log.info("job %d was left by a worker that is gone", found.job_id)
        leases.retry(self._workspace, found.job_id, found.fence, error=WORKER_KILLED)

    def _claim(self, queued: Collection[JobKind]) -> None:
        light = sum(running.slot is None for running in self._running)
        kinds = LIGHT_KINDS.intersection(queued)
        if kinds and light < self._options.light_slots:
            self._claim_one(kinds, None)
        if heavy := HEAVY_KINDS.intersection(queued):
            slot = slots.acquire(self._workspace.settings.home / "locks", self._gpus)
            if slot is not None and not self._claim_one(heavy, slot):
                slot.release()

    def _claim_one(self, kinds: Collection[JobKind], slot: Slot | None) -> bool:
        claimed = leases.claim(self._workspace, self._owner, kinds, self._options.lease_seconds)
        if claimed is None:
            return False
        job, fence = claimed.job, claimed.fence
        try:
            process = self._spawn(job, fence, slot)
        except OSError as error:
            told = f"The job could not be started ({error.strerror}); try again later"
            leases.finish(self._workspace, job.job_id, fence, state=JobState.FAILED, error=told)
            return False
        self._running.append(Running(job, fence, process, slot))
        log.info("job %d (%s) runs as process %d", job.job_id, job.kind, process.pid)
        me = processes.identify(process.pid)
        leases.record_process(
            self._workspace, job.job_id, fence, pid=me.pid, pid_start=me.start, boot_id=me.boot
        )
        return True

    def _spawn(self, job: Job, fence: int, slot: Slot | None) -> "subprocess.Popen[bytes]":
        folder = self._workspace.files.logs
        folder.mkdir(parents=True, exist_ok=True)
        options = self._options
        with (folder / faults.log_name(job.job_id)).open("ab") as out:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "turn_core.jobs.run", str(job.job_id), str(fence)),
                    *("--parent", str(os.getpid()), "--lease", str(options.lease_seconds)),
                    *("--tasks", options.tasks_module),
                ],
                env=processes.environment(
                    self._workspace.settings, **(slot.environ if slot else {})
                ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(slot.handle,) if slot else (),
            )

    def _enforce_cancel(self, active: Collection[Job]) -> None:
        """A task notices Cancel by itself; one that does not is ended after a while."""
        cancelled = {job.job_id for job in active if job.cancel_requested}
        now = time.monotonic()
        for running in self._running:
            if running.job.job_id not in cancelled:
                continue
            since = running.cancel_seen_at = running.cancel_seen_at or now
            patience = self._options.cancel_patience
            if now - since > patience and signal.SIGTERM not in running.signals_sent:
                self._send(running, signal.SIGTERM)
            elif now - since > patience + self._options.kill_patience:
                self._send(running, signal.SIGKILL)

    def _send(self, running: Running, number: int) -> None:
        log.info("job %d does not stop; signal %d is sent", running.job.job_id, number)
        running.signals_sent.append(number)
        processes.signal_group(running.process, number)

    def _bury(self, running: Running) -> None:
        """Clean up after a process that ended; where it left its job unfinished, end that too."""
        self._running.remove(running)
        code = running.process.returncode
        log.info("job %d: its process ended with %d", running.job.job_id, code)
        if running.slot is not None:
            running.slot.release()
        try:
            self._settle(running, code)
            job = jobs.get_job(self._workspace, running.job.job_id)
        except NotFoundError:  # its project was deleted meanwhile
            attempt.sweep_staging(self._workspace, running.job.job_id)
            return
        if job.state in leases.FINAL:
            attempt.sweep_staging(self._workspace, job.job_id)
            if job.kind is JobKind.IMPORT and job.state is not JobState.DONE:
                self._sweeper.ask()

    def _settle(self, running: Running, code: int) -> None:
        """Each of these changes nothing if the job has ended or is another worker's."""
        job_id, fence = running.key
        if jobs.get_job(self._workspace, job_id).cancel_requested:
            told = "The job was cancelled; nothing of it was kept"
            leases.finish(self._workspace, job_id, fence, state=JobState.CANCELLED, error=told)
        elif code == faults.INTERRUPTED or self._stopping.is_set():
            leases.release(self._workspace, job_id, fence)
        else:
            sentence = faults.exit_sentence(code, job_id)
            leases.retry(self._workspace, job_id, fence, error=sentence)

    def _shut_down(self) -> None:
        """Stop the jobs; one that takes too long is killed, its last checkpoint stands."""
        self._stopping.set()
        self._sweeper.close()
        log.info("worker stops; %d jobs go back to the queue", len(self._running))
        for running in self._running:
            processes.signal_group(running.process, signal.SIGTERM)
        deadline = time.monotonic() + self._options.stop_patience
        for running in list(self._running):
            processes.stop(running.process, patience=max(0.0, deadline - time.monotonic()))
            self._guarded(partial(self._bury, running))
        self._guarded(partial(jobs.forget_worker, self._workspace, self._owner))


def serve(settings: Settings, options: WorkerOptions | None = None) -> None:
    """Run a worker in this process until SIGTERM or Ctrl-C.

    Raises:
        TurnError: the store cannot be opened.
    """
    workspace = open_workspace(settings)
    worker = Worker(workspace, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    try:
        worker.run()
    finally:
        workspace.close()
