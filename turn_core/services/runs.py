"""Runs: start a training round, store what it found, compare it with an earlier one."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from turn_core.config import TurnConfig, to_dict
from turn_core.errors import ConflictError, DataError
from turn_core.services import jobs, leases, overviews
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import projects as project_queries
from turn_core.store import runs as queries
from turn_core.store import samples as sample_queries
from turn_core.store import scores as score_queries
from turn_core.types import Interval, JobKind, Run, ScoreRow

log = logging.getLogger(__name__)

TOP = 100
"""How many of the most suspicious samples `compare_rounds` looks at."""


@dataclass(frozen=True, slots=True)
class Move:
    """A sample whose place in the queue changed between two rounds."""

    sample_id: int
    file_name: str
    rank_before: int
    rank_after: int


@dataclass(frozen=True, slots=True)
class RoundChange:
    """What changed from round a to round b, on the `num_common` samples that both scored.

    `rank_correlation` is Spearman's, -1..1 (nan for fewer than two samples or equal ranks).
    `num_new_in_top` counts samples among the `top_size` most suspicious of b that were not among
    those of a. `moved` are those of b's top that moved most.
    """

    noise_before: Interval | None
    noise_after: Interval | None
    num_common: int
    rank_correlation: float
    top_size: int
    num_new_in_top: int
    moved: list[Move]


def start_run(workspace: Workspace, project_id: int, config: TurnConfig, *, actor: str) -> Run:
    """Make a run and queue its train job, in one transaction.

    Raises:
        NotFoundError: there is no such project.
        ConflictError: a run of this project is queued or running.
        DataError: the labels cannot be audited: fewer than two classes have usable samples.
    """
    plain = to_dict(config)

    def work(session: Session) -> Run:
        label_rev = project_queries.lock_project(session, project_id)
        counts = sample_queries.usable_classes(session, project_id)
        _check_classes(session, project_id, counts)
        dedupe_key = f"train:{project_id}"
        job = jobs.submit_config(
            session, JobKind.TRAIN, project_id, plain, dedupe_key=dedupe_key, actor=actor
        )
        run_id = queries.insert_run(
            session,
            project_id=project_id,
            job_id=job.job_id,
            method=config.method,
            backbone=config.backbone,
            seed=config.seed,
            config=plain,
            label_rev=label_rev,
            num_samples=sum(counts.values()),
            created_at=engines.now_ms(session),
        )
        return queries.get_run(session, project_id, run_id)

    return workspace.write(work)


def list_runs(workspace: Workspace, project_id: int) -> list[Run]:
    """Return the runs of a project, the newest first."""
    with workspace.reading() as session:
        return queries.list_runs(session, project_id)


def get_run(workspace: Workspace, project_id: int, run_id: int) -> Run:
    """Return a run.

    Raises:
        NotFoundError: the project has none of that id.
    """
    with workspace.reading() as session:
        return queries.get_run(session, project_id, run_id)


def run_of_job(workspace: Workspace, job_id: int) -> Run:
    """Return the run that a train job computes.

    Raises:
        NotFoundError: the job has none.
    """
    with workspace.reading() as session:
        return queries.run_of_job(session, job_id)


def latest_complete_run(workspace: Workspace, project_id: int) -> Run | None:
    """Return the newest run that has scores, or None."""
    with workspace.reading() as session:
        return queries.latest_complete_run(session, project_id)


def record_labels(
    workspace: Workspace, run_id: int, *, labels_sha256: str, label_rev: int, num_samples: int
) -> None:
    """Note which labels the run reads (of the snapshot it took) and how many samples it scores."""
    values = {"labels_sha256": labels_sha256, "label_rev": label_rev, "num_samples": num_samples}
    workspace.write(lambda session: queries.update_run(session, run_id, **values))


def save_scores(
    workspace: Workspace,
    run_id: int,
    rows: Sequence[ScoreRow],
    metrics: Mapping[str, Any],
    environment: Mapping[str, Any],
    *,
    fence: int | None = None,
) -> bool:
    """Store a run's scores and make it complete, in one transaction.

    Returns False, and changes nothing, if it was complete before (its worker was killed between
    this and the end of the job). With `fence` only the job's present worker may save.

    Raises:
        DataError: a number is out of range; a rank, sample or class is not what it must be.
        ConflictError: the run was cancelled, has failed, or another worker has its job.
    """

    def work(session: Session) -> bool:
        run = queries.lock_with_job(session, run_id)
        if run.state == "complete":
            return False
        if run.state not in queries.UNFINISHED:
            raise ConflictError(f"run {run.number} is {run.state}: its scores are not stored")
        leases.require_fence(session, run.job_id, fence)
        _check_scores(session, run.project_id, rows)
        score_queries.insert_scores(session, run.project_id, run_id, rows)
        found = {"metrics": dict(metrics), "environment": dict(environment), "error": None}
        now = engines.now_ms(session)
        queries.update_run(session, run_id, state="complete", finished_at=now, **found)
        return True

    done = workspace.write(work)
    if done:
        try:
            engines.analyze(workspace.engine, "score", "sample")
        except DBAPIError:  # the scores stand; queries are slower until the database counts itself
            log.warning("the statistics of the scores could not be renewed", exc_info=True)
    return done


def fail_run(workspace: Workspace, run_id: int, error: str, state: str = "failed") -> None:
    """End an unfinished run as `failed` or `cancelled`; a complete one stays complete."""
    if state not in ("failed", "cancelled"):
        raise ValueError(f"a run ends as failed or cancelled, not as {state}")

    def work(session: Session) -> None:
        run = queries.lock_with_job(session, run_id)
        now = engines.now_ms(session)
        queries.follow_job(session, run.job_id, state, now=now, error=error)

    workspace.write(work)


def compare_rounds(workspace: Workspace, project_id: int, run_a: int, run_b: int) -> RoundChange:
    """Return what changed from complete run a to complete run b.

    Raises:
        NotFoundError: the project has no such run.
    """
    with workspace.reading() as session:
        before = queries.get_run(session, project_id, run_a)
        after = queries.get_run(session, project_id, run_b)
        ids_a, ranks_a = score_queries.ranks(session, run_a)
        ids_b, ranks_b = score_queries.ranks(session, run_b)
        common, in_a, in_b = np.intersect1d(ids_a, ids_b, return_indices=True)
        top_a = set(ids_a[np.argsort(ranks_a)[:TOP]].tolist())
        top_b = ids_b[np.argsort(ranks_b)[:TOP]].tolist()
        moved = _moved(session, project_id, common, ranks_a[in_a], ranks_b[in_b], set(top_b))
    return RoundChange(
        noise_before=overviews.noise_rate(before.metrics),
        noise_after=overviews.noise_rate(after.metrics),
        num_common=len(common),
        rank_correlation=_spearman(ranks_a[in_a], ranks_b[in_b]),
        top_size=len(top_b),
        num_new_in_top=sum(sample_id not in top_a for sample_id in top_b),
        moved=moved,
    )


def _check_classes(session: Session, project_id: int, counts: Mapping[int, int]) -> None:
    if not counts:
        raise DataError(
            "no sample has an image that can be read and a label: "
            "label some samples, or import the data again"
        )
    if len(counts) < 2:
        names = {c: name for c, _, name in project_queries.class_list(session, project_id)}
        (only,) = counts
        raise DataError(
            f"an audit needs samples of at least two classes, all {counts[only]} usable ones are "
            f"{names[only]!r}: browsing and labelling work, training does not"
        )


def _check_scores(session: Session, project_id: int, rows: Sequence[ScoreRow]) -> None:
    class_ids = {class_id for class_id, _, _ in project_queries.class_list(session, project_id)}
    if len({row.rank for row in rows}) < len(rows):
        raise DataError("two samples have the same rank: ranks order the queue, one each")
    for row in rows:
        for name in ("clean_probability", "suggested_probability", "given_probability"):
            value = getattr(row, name)
            if not 0 <= value <= 1:  # also true for nan
                raise DataError(f"{name} of sample {row.sample_id} is {value}, not in 0..1")
        if row.suggested_class_id not in class_ids:
            raise DataError(
                f"sample {row.sample_id} is suggested class {row.suggested_class_id}, "
                "which is none of its project"
            )


def _spearman(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    if len(first) < 2:
        return math.nan
    # Ranks within the common samples: those of a run have gaps where others were scored.
    places = [np.argsort(np.argsort(ranks)).astype(np.float64) for ranks in (first, second)]
    return float(np.corrcoef(places[0], places[1])[0, 1])


def _moved(
    session: Session,
    project_id: int,
    common: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    shown: set[int],
    limit: int = 20,
) -> list[Move]:
    candidates = [
        (int(s), int(a), int(b)) for s, a, b in zip(common, before, after) if int(s) in shown
    ]
    candidates.sort(key=lambda move: (-abs(move[1] - move[2]), move[2]))
    top = [move for move in candidates if move[1] != move[2]][:limit]
    names = sample_queries.by_ids(session, project_id, [move[0] for move in top])
    return [Move(s, names[s].file_name, a, b) for s, a, b in top]
