"""What the benchmarks of processes share: a store, workers and the app in processes, waiting."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from turn_core import launch
from turn_core.config import Settings
from turn_core.services import jobs
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.types import Job, JobState

FINAL = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@contextmanager
def temporary_workspace(home: Path | None = None) -> Iterator[Workspace]:
    """A workspace in `home`, or in a folder that goes away; the app's port is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="turn-bench-") as folder:
        settings = Settings(home=home or Path(folder), database_url="", port=port, allow_hub=False)
        workspace = open_workspace(settings)
        workspace.files.logs.mkdir(parents=True, exist_ok=True)
        try:
            yield workspace
        finally:
            workspace.close()


def start_worker(workspace: Workspace) -> "subprocess.Popen[bytes]":
    """A worker on this workspace."""
    log = workspace.files.logs / "worker.log"
    return launch.start(launch.worker_command(), log, workspace.settings)


def start_app(workspace: Workspace) -> "subprocess.Popen[bytes]":
    """The app on this workspace, once it answers."""
    log = workspace.files.logs / "web.log"
    process = launch.start(launch.web_command(workspace.settings), log, workspace.settings)
    wait(lambda: launch.answers(workspace.settings), "the app", 120)
    return process


def kill(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL, and wait until it is gone."""
    process.kill()
    process.wait()


def wait(condition: Callable[[], object], what: str, seconds: float, pause: float = 0.05) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)


def ended(workspace: Workspace, job_id: int, seconds: float = 3600) -> Job:
    """The job, once it is done; stops the benchmark if it failed."""
    wait(lambda: jobs.get_job(workspace, job_id).state in FINAL, f"job {job_id}", seconds)
    job = jobs.get_job(workspace, job_id)
    if job.state is not JobState.DONE:
        raise SystemExit(f"job {job_id} {job.state}: {job.error}")
    return job


def machine() -> str:
    """What a table of figures must say about where it was made."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} processors, load {load:.1f} at the start"
