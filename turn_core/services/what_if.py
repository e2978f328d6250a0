"""What-ifs: how well step 1 would find errors that are put into labels believed right."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turn_core.config import WhatIfConfig, to_dict
from turn_core.errors import DataError
from turn_core.services import jobs
from turn_core.services.workspace import Workspace
from turn_core.store import runs as run_queries
from turn_core.types import Job, JobKind, JobState

ACTIVE = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation over the draws of the noise."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A finished what-if. `source` says whose labels counted as right: `trusted` or `clean`."""

    job_id: int
    finished_at: float | None
    run_number: int
    kind: str
    level: float
    repeats: int
    source: str
    num_samples: int
    num_classes: int
    num_classes_left_out: int
    measures: Mapping[str, Spread]
    """By the names of `turn_core.what_if.WhatIfMeasures`; undefined ones are absent."""


def start_what_if(
    workspace: Workspace, project_id: int, config: WhatIfConfig, *, actor: str
) -> Job:
    """Queue a what-if on the features of the latest complete round.

    Raises:
        PermissionDeniedError: the actor is not an owner.
        NotFoundError: there is no such project.
        DataError: no round is complete.
        ConflictError: a what-if of this project is queued or running.
    """
    with workspace.reading() as session:
        run = run_queries.latest_complete_run(session, project_id)
    if run is None:
        raise DataError("a what-if uses the features of a round: train the first round before it")
    return jobs.submit(
        workspace,
        JobKind.WHAT_IF,
        {"project_id": project_id, "run_id": run.run_id, "config": to_dict(config)},
        project_id=project_id,
        idem_key=f"what-if-{uuid.uuid4().hex}",
        dedupe_key=f"what_if:{project_id}",
        actor=actor,
    )


def latest_job(workspace: Workspace, project_id: int) -> Job | None:
    """Return the newest what-if job, whatever became of it."""
    return next(iter(_jobs(workspace, project_id)), None)


def list_what_ifs(workspace: Workspace, project_id: int, *, limit: int = 20) -> list[WhatIf]:
    """Return the finished what-ifs, the newest first."""
    done = [job for job in _jobs(workspace, project_id) if job.state is JobState.DONE]
    return [_record(job, job.result) for job in done[:limit] if job.result is not None]


def _jobs(workspace: Workspace, project_id: int) -> list[Job]:
    found = jobs.list_jobs(workspace, project_id=project_id, limit=None)
    return [job for job in found if job.kind is JobKind.WHAT_IF]


def _record(job: Job, result: Mapping[str, Any]) -> WhatIf:
    config: Any = job.params["config"]
    measures = {name: Spread(**value) for name, value in result["measures"].items() if value}
    return WhatIf(
        job_id=job.job_id,
        finished_at=job.finished_at,
        run_number=result["run_number"],
        kind=config["noise"]["kind"],
        level=config["noise"]["level"],
        repeats=len(result["repeats"]),
        source=result["source"],
        num_samples=result["num_samples"],
        num_classes=result["num_classes"],
        num_classes_left_out=result["num_classes_left_out"],
        measures=measures,
    )
