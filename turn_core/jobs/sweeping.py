"""Leftovers of jobs and uploads that are over, deleted in a thread beside the worker's own."""

import logging
import shutil
import threading

from turn_core.errors import TurnError
from turn_core.services import cleanup, jobs, uploads
from turn_core.services.workspace import Workspace

PAUSE_SECONDS = 3600.0

log = logging.getLogger(__name__)


def sweep(workspace: Workspace) -> None:
    """Delete staging folders without a job, stale uploads, images and folders that nothing uses."""
    staging = workspace.files.staging(0).parent
    folders = list(staging.glob("*"))  # before the jobs are read: a new one is not in this list
    active = {str(job.job_id) for job in jobs.list_jobs(workspace, active_only=True, limit=None)}
    for folder in folders:
        if folder.name not in active:
            shutil.rmtree(folder, ignore_errors=True)
    num_uploads = uploads.sweep(workspace)
    num_images, num_folders = cleanup.sweep_images(workspace), cleanup.sweep_folders(workspace)
    if num_uploads or num_images or num_folders:
        told = "swept %d stale uploads, %d unused images and %d folders of runs and exports"
        log.info(told, num_uploads, num_images, num_folders)


class Sweeper(threading.Thread):
    """Sweeps when asked, at the start, and every hour; never at the same time as an import."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._workspace = workspace
        self._wanted = threading.Event()
        self._closing = threading.Event()

    def ask(self) -> None:
        """Sweep soon: a job has ended without using what it stored."""
        self._wanted.set()

    def close(self) -> None:
        """End the thread when the sweep under way is over."""
        self._closing.set()
        self._wanted.set()

    def run(self) -> None:
        """Wait and sweep; the thread's body."""
        while not self._closing.is_set():
            try:
                sweep(self._workspace)
            except (TurnError, OSError) as error:
                log.warning("leftovers could not be swept: %s", error)
            self._wanted.wait(PAUSE_SECONDS)
            self._wanted.clear()
