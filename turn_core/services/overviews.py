"""What the overview page shows, and which step comes next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from turn_core.config import CleansingConfig
from turn_core.store import jobs as job_queries
from turn_core.store import projects as queries
from turn_core.store import runs as run_queries
from turn_core.store import samples as sample_queries
from turn_core.store import scores as score_queries
from turn_core.types import Interval, Job, JobKind, Project, ReviewStatus, Run, SampleState


class NextStep(StrEnum):
    """What a person should do next; the first rule that holds decides.

    `wait`: an import or training is queued or runs. `import`: there is no sample.
    `train`: no run is complete. `review`: label issues are pending. `retrain`: labels were
    decided since the latest run read them. `export`: else.
    """

    WAIT = "wait"
    IMPORT = "import"
    TRAIN = "train"
    REVIEW = "review"
    RETRAIN = "retrain"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Overview:
    """A project as of one moment. `noise` and `num_issues` come from its latest complete run."""

    project: Project
    status_counts: dict[ReviewStatus, int]
    num_unreadable: int
    num_unlabelled: int
    latest_run: Run | None
    active_job: Job | None
    noise: Interval | None
    num_issues: int
    next_step: NextStep
    import_report: Mapping[str, Any] | None


_READING = (JobKind.EXPORT, JobKind.EXPLORE, JobKind.SEARCH, JobKind.COMPARE)


def overview(session: Session, project_id: int) -> Overview:
    """Gather the overview of a project."""
    project = queries.get_project(session, project_id)
    run = run_queries.latest_complete_run(session, project_id)
    jobs = job_queries.list_jobs(session, project_id=project_id, active_only=True, limit=20)
    # What keeps the labels busy is named before what only reads them.
    jobs.sort(key=lambda job: job.kind in _READING)
    num_issues = 0 if run is None else count_pending_issues(session, run)
    states = sample_queries.state_counts(session, project_id)
    return Overview(
        project=project,
        status_counts=sample_queries.status_counts(session, project_id),
        num_unreadable=states[SampleState.UNREADABLE],
        num_unlabelled=states[SampleState.UNLABELLED],
        latest_run=run,
        active_job=jobs[0] if jobs else None,
        noise=None if run is None else noise_rate(run.metrics),
        num_issues=num_issues,
        next_step=_next_step(session, project, jobs, run, num_issues),
        import_report=queries.import_report(session, project_id),
    )


def count_pending_issues(session: Session, run: Run) -> int:
    """Return how many label issues of the run are pending."""
    return score_queries.count_issues(session, run.run_id, threshold(run))


def threshold(run: Run) -> float:
    """Return tau of the run: at or below it a sample counts as a label issue."""
    if isinstance(value := run.metrics.get("threshold"), int | float):
        return float(value)
    cleansing = run.config.get("cleansing")
    return (
        float(cleansing["threshold"])
        if isinstance(cleansing, dict)
        else CleansingConfig().threshold
    )


def noise_rate(metrics: Mapping[str, Any]) -> Interval | None:
    """Return the run's estimate of the noise rate, if it made one."""
    estimate = metrics.get("noise_rate")
    if not isinstance(estimate, dict) or estimate.get("value") is None:
        return None
    value = float(estimate["value"])
    low, high = estimate.get("low"), estimate.get("high")
    return Interval(value, value if low is None else low, value if high is None else high)


def _next_step(
    session: Session, project: Project, jobs: list[Job], run: Run | None, num_issues: int
) -> NextStep:
    if any(job.kind in (JobKind.IMPORT, JobKind.TRAIN) for job in jobs):
        return NextStep.WAIT
    if project.num_samples == 0:
        return NextStep.IMPORT
    if run is None:
        return NextStep.TRAIN
    if num_issues > 0:
        return NextStep.REVIEW
    if project.label_rev > run_queries.label_rev(session, run.run_id):
        return NextStep.RETRAIN
    return NextStep.EXPORT
