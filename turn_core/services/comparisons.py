"""Comparisons: start one, read what is ready, delete it."""

import uuid
from pathlib import Path

from sqlalchemy.orm import Session

from turn_core.compare_config import METHODS, MIN_CLASS_SIZE, CompareConfig
from turn_core.config import to_dict
from turn_core.errors import ConflictError, DataError
from turn_core.experiments import compare_tables
from turn_core.services import jobs, permissions
from turn_core.services.workspace import Workspace
from turn_core.store import comparisons as queries
from turn_core.store import engine as engines
from turn_core.store import jobs as job_queries
from turn_core.store import projects as project_queries
from turn_core.store import samples as sample_queries
from turn_core.types import JobKind, JobState
from turn_core.types.comparing import Comparison, MethodSummary
from turn_core.types.reviewing import Role

MAX_NAME_CHARS = 200


def start_comparison(
    workspace: Workspace, project_id: int, config: CompareConfig, *, name: str = "", actor: str
) -> Comparison:
    """Make a comparison and queue its job, in one transaction; without a name it gets one.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: there is no such project.
        ConflictError: the same comparison is queued or runs.
        DataError: fewer than two classes have enough usable samples, or the name is too long.
    """
    plain = to_dict(config)
    told = name.strip() or default_name(config)
    if len(told) > MAX_NAME_CHARS or not told.isprintable():
        raise DataError(
            f"the comparison's name must be up to {MAX_NAME_CHARS} characters that can be shown, "
            f"got {told[:40]!r}"
        )
    sha256 = job_queries.payload_sha256(JobKind.COMPARE, plain, project_id)

    def work(session: Session) -> Comparison:
        project_queries.lock_project(session, project_id)
        _check_classes(session, project_id)
        job = jobs.submit_in(
            session,
            kind=JobKind.COMPARE,
            params={"project_id": project_id, "config": plain},
            project_id=project_id,
            idem_key=f"compare-{uuid.uuid4().hex}",
            dedupe_key=f"compare:{project_id}:{sha256[:16]}",
            actor=actor,
        )
        comparison_id = queries.insert_comparison(
            session,
            project_id=project_id,
            job_id=job.job_id,
            name=told,
            config=plain,
            created_at=engines.now_ms(session),
            created_by=actor,
        )
        return queries.get_comparison(session, project_id, comparison_id)

    return workspace.write(work)


def default_name(config: CompareConfig) -> str:
    """Return what a comparison is called that nobody named."""
    titles = list(dict.fromkeys(METHODS[method].title for method in config.methods))
    return f"{Path(config.backbone).name}: {', '.join(titles)}"[:MAX_NAME_CHARS]


def list_comparisons(workspace: Workspace, project_id: int) -> list[Comparison]:
    """Return the comparisons of a project with their cells, the newest first."""
    with workspace.reading() as session:
        return queries.list_comparisons(session, project_id)


def get_comparison(workspace: Workspace, project_id: int, comparison_id: int) -> Comparison:
    """Return a comparison with the cells that are ready by now.

    Raises:
        NotFoundError: the project has none of that id.
    """
    with workspace.reading() as session:
        return queries.get_comparison(session, project_id, comparison_id)


def summarize(comparison: Comparison) -> tuple[MethodSummary, ...]:
    """Return each method over the seeds that are ready, the best mean of the last epoch first."""
    return compare_tables.summarize(comparison.cells, methods_of(comparison))


def methods_of(comparison: Comparison) -> list[str]:
    """Return the methods of a comparison; those that this version does not know are left out."""
    listed = comparison.config.get("methods")
    names = [str(name) for name in listed] if isinstance(listed, list | tuple) else []
    return [name for name in names if name in METHODS]


def sentences(comparison: Comparison) -> list[str]:
    """Say which method is ahead, and what accuracy was measured on; nothing before it is known."""
    found = compare_tables.lead(comparison.cells, methods_of(comparison))
    told = [found] if found else []
    if comparison.summary.get("num_held_out"):
        told.append(compare_tables.measured(comparison.summary))
    return told


def delete_comparison(
    workspace: Workspace, project_id: int, comparison_id: int, *, actor: str
) -> None:
    """Delete a comparison with its cells.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: the project has none of that id.
        ConflictError: its job is queued or runs.
    """

    def work(session: Session) -> None:
        permissions.require(session, actor, Role.OWNER, project_id)
        project_queries.lock_project(session, project_id)
        found = queries.get_comparison(session, project_id, comparison_id)
        if found.state in (JobState.QUEUED, JobState.RUNNING):
            raise ConflictError(
                f"the comparison {found.name!r} is {found.state}: cancel it first, then delete it"
            )
        queries.delete_rows(session, comparison_id)

    workspace.write(work)


def splits(workspace: Workspace, project_id: int) -> dict[str, int]:
    """Return the splits of a project's data with their numbers of samples."""
    with workspace.reading() as session:
        return queries.split_sizes(session, project_id)


def _check_classes(session: Session, project_id: int) -> None:
    counts = sample_queries.usable_classes(session, project_id)
    enough = sum(count >= MIN_CLASS_SIZE for count in counts.values())
    if enough < 2:
        raise DataError(
            f"a comparison needs two classes with {MIN_CLASS_SIZE} usable samples each, "
            f"{enough} have so many: add images"
        )
