"""The process of one job: `python -m turn_core.jobs.run JOB_ID FENCE`, started by the worker.

It is nice to the app, the first that the kernel ends when memory runs out, and ends with its
worker. On SIGTERM the task stops at its next step; the exit code says how it ended.
"""

import argparse
import logging
import os
import resource
import signal
import sys
from pathlib import Path

from turn_core.config import Settings
from turn_core.jobs import attempt, faults, processes
from turn_core.jobs.attempt import Ending
from turn_core.jobs.context import JobContext, StopFlag
from turn_core.jobs.heartbeat import Heartbeat
from turn_core.services import jobs, leases
from turn_core.services.workspace import Workspace
from turn_core.types import JobKind

NICENESS = 10
OOM_SCORE = "600"
UNTRUSTED = (JobKind.INSPECT, JobKind.IMPORT)
"""Jobs that read files of unknown origin; their process gets less."""
UNTRUSTED_MEMORY = 4 * 2**30
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

EXIT_CODES = {
    Ending.ENDED: 0,
    Ending.INTERRUPTED: faults.INTERRUPTED,
    Ending.FENCED: faults.FENCED,
}


def main(argv: list[str] | None = None) -> int:
    """Run the job that the arguments name and return the exit code."""
    args = _parser().parse_args(argv)
    processes.die_with_parent(args.parent)
    stop = StopFlag()
    signal.signal(signal.SIGTERM, lambda *_: stop.interrupt())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    _be_humble()
    workspace = Workspace(Settings.from_env())
    job = jobs.get_job(workspace, args.job_id)
    _limit(job.kind)
    logging.getLogger(__name__).info(
        "job %d (%s), attempt %d of %d", job.job_id, job.kind, job.attempt, job.max_attempts
    )
    context = JobContext(workspace, job, args.fence, stop=stop)
    heartbeat = Heartbeat(context, lease_seconds=args.lease, on_lost=_leave, parent_pid=args.parent)
    return EXIT_CODES[attempt.run(context, heartbeat, args.tasks)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="turn_core.jobs.run", description=__doc__)
    parser.add_argument("job_id", type=int)
    parser.add_argument("fence", type=int)
    parser.add_argument("--parent", type=int, required=True, help="pid of the worker")
    parser.add_argument("--lease", type=float, default=leases.LEASE_SECONDS)
    parser.add_argument("--tasks", default=attempt.TASKS_MODULE)
    return parser


def _leave() -> None:
    """End at once: another worker has the job, so that not one more byte may be written."""
    os._exit(faults.FENCED)


def _be_humble() -> None:
    os.nice(NICENESS)
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text(OOM_SCORE)


def _limit(kind: JobKind) -> None:
    """No core dumps; a job that reads untrusted files gets a bound on its memory too."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if kind in UNTRUSTED:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bound = UNTRUSTED_MEMORY if hard == resource.RLIM_INFINITY else min(UNTRUSTED_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))


if __name__ == "__main__":
    sys.exit(main())
