"""Searches for the linear probe's settings. What one found is a preset of its project.

It is kept as the result of its job: a run that uses it stores the settings themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from turn_core.config import ProbeConfig, SearchConfig, TurnConfig, from_dict, to_dict
from turn_core.errors import DataError
from turn_core.services import jobs
from turn_core.services.workspace import Workspace
from turn_core.store import projects as project_queries
from turn_core.store import samples as sample_queries
from turn_core.types import Job, JobKind, JobState

ACTIVE = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Search:
    """A finished search. Accuracies are shares of held-out labels that were predicted, 0..1."""

    job_id: int
    finished_at: float | None
    backbone: str
    probe: ProbeConfig
    """The best settings; the preset's own where nothing predicts more."""
    accuracy: float
    preset_accuracy: float
    num_samples: int
    num_held_out: int
    num_settings: int
    num_failed: int
    """Settings whose training diverged."""
    seconds: float
    """CPU seconds of all trials."""
    trials: Mapping[str, Sequence[Any]]
    """Columns: the four settings, accuracy, loss, seconds and problem of every trial."""

    @property
    def is_ahead(self) -> bool:
        """Whether it predicts more held-out labels than the preset."""
        return self.accuracy > self.preset_accuracy


def start_search(workspace: Workspace, project_id: int, config: SearchConfig, *, actor: str) -> Job:
    """Queue a search.

    Raises:
        PermissionDeniedError: the actor is not an owner.
        NotFoundError: there is no such project.
        DataError: fewer than two classes have usable samples.
        ConflictError: a search of this project is queued or running.
    """

    def work(session: Session) -> Job:
        project_queries.lock_project(session, project_id)
        count = len(sample_queries.usable_classes(session, project_id))
        if count < 2:
            raise DataError(
                f"a search needs usable samples of at least two classes, there are {count}: label "
                "some samples of another class"
            )
        key, plain = f"search:{project_id}", to_dict(config)
        return jobs.submit_config(
            session, JobKind.SEARCH, project_id, plain, dedupe_key=key, actor=actor
        )

    return workspace.write(work)


def latest_job(workspace: Workspace, project_id: int) -> Job | None:
    """Return the newest search job, whatever became of it."""
    return next(iter(_jobs(workspace, project_id)), None)


def list_searches(workspace: Workspace, project_id: int) -> list[Search]:
    """Return the finished searches, the newest first."""
    done = [job for job in _jobs(workspace, project_id) if job.state is JobState.DONE]
    return [_record(job, job.result) for job in done if job.result is not None]


def found_settings(workspace: Workspace, project_id: int, backbone: str) -> Search | None:
    """Return the newest finished search on this backbone, None where there is none."""
    found = list_searches(workspace, project_id)
    return next((search for search in found if search.backbone == backbone), None)


def applied(config: TurnConfig, probe: ProbeConfig) -> TurnConfig:
    """Return the config with the settings that a search varies taken from `probe`."""
    return replace(
        config,
        probe=replace(
            config.probe,
            optimizer=probe.optimizer,
            learning_rate=probe.learning_rate,
            weight_decay=probe.weight_decay,
            batch_size=probe.batch_size,
        ),
    )


def _jobs(workspace: Workspace, project_id: int) -> list[Job]:
    found = jobs.list_jobs(workspace, project_id=project_id, limit=None)
    return [job for job in found if job.kind is JobKind.SEARCH]


def _record(job: Job, result: Mapping[str, Any]) -> Search:
    trials: Mapping[str, Sequence[Any]] = result["trials"]
    return Search(
        job_id=job.job_id,
        finished_at=job.finished_at,
        backbone=result["backbone"],
        probe=from_dict(ProbeConfig, result["probe"]),
        accuracy=result["accuracy"],
        preset_accuracy=result["preset_accuracy"],
        num_samples=result["num_samples"],
        num_held_out=result["num_held_out"],
        num_settings=len(trials["problem"]),
        num_failed=sum(bool(problem) for problem in trials["problem"]),
        seconds=result["seconds"],
        trials=trials,
    )
