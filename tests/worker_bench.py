"""Workers in processes of their own, on a workspace of the test's."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from turn_core.config import Settings
from turn_core.jobs import processes
from turn_core.jobs.attempt import TASKS_MODULE
from turn_core.services import jobs
from turn_core.services.workspace import open_workspace
from turn_core.types import JobKind, JobState

ROOT = Path(__file__).parents[1]
PATIENCE = 240.0
"""Seconds a test waits for anything: jobs are nice, and a busy machine runs them last."""
FOLDERS = (ROOT, ROOT / "tests/jobs", ROOT / "tests/faults")
FINAL = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

START = """
import json, logging, sys
from turn_core.config import Settings
from turn_core.jobs import worker
logging.basicConfig(level=logging.INFO)
worker.serve(Settings.from_env(), worker.WorkerOptions(**json.loads(sys.argv[1])))
"""


class Bench:
    """A workspace, workers that run on it, and the means to wait.

    `tasks_module` names the tasks; "job_tasks_for_tests" has small ones,
    "deadly_tasks" the real ones with a way to kill them.
    """

    def __init__(self, home: Path, *, tasks_module: str = TASKS_MODULE, database_url="") -> None:
        self.workspace = open_workspace(Settings(home=home, database_url=database_url))
        self.workers = []
        self._tasks_module = tasks_module

    def start_worker(self, **options):
        environ = processes.environment(self.workspace.settings, OMP_NUM_THREADS="1")
        environ["PYTHONPATH"] = os.pathsep.join(map(str, FOLDERS))
        options["tasks_module"] = self._tasks_module
        command = [sys.executable, "-c", START, json.dumps(options)]
        self.workers.append(subprocess.Popen(command, env=environ))
        return self.workers[-1]

    def submit(self, do, *, kind=JobKind.INSPECT, **params):
        key = uuid.uuid4().hex
        params = {"do": do, **params}
        return jobs.submit(self.workspace, kind, params, idem_key=key, actor="test").job_id

    def job(self, job_id):
        return jobs.get_job(self.workspace, job_id)

    def process_of(self, job_id):
        """The process that runs a job, once it is known."""

        def known():
            found = (p for p in jobs.running_processes(self.workspace) if p.job_id == job_id)
            return next((p.pid for p in found if p.pid), None)

        return processes.identify(self.wait(known, f"process of job {job_id}"))

    def wait(self, condition, what, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.03)
        raise AssertionError(f"not within {seconds} s: {what}")

    def ended(self, job_id, seconds=PATIENCE):
        self.wait(lambda: self.job(job_id).state in FINAL, f"end of job {job_id}", seconds)
        return self.job(job_id)

    def stop_workers(self):
        for process in self.workers:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.workers:
            process.wait(PATIENCE)
        self.workers.clear()

    def close(self):
        self.stop_workers()
        self.workspace.close()
