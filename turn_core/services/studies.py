"""Studies of any kind: start one, read what is ready, store what its job finds, delete it."""

import shutil
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from turn_core.config import to_dict
from turn_core.errors import ConflictError, DataError
from turn_core.services import jobs, leases, permissions
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import jobs as job_queries
from turn_core.store import projects as project_queries
from turn_core.store import studies as queries
from turn_core.types import JobState
from turn_core.types.reviewing import Role
from turn_core.types.studies import P, Study, StudyKind

MAX_NAME_CHARS = 200


def start_study(
    workspace: Workspace,
    kind: StudyKind[P],
    project_id: int,
    config: Any,
    *,
    name: str,
    check: Callable[[Session], None],
    actor: str,
) -> Study[P]:
    """Make a study and queue its job, in one transaction, in which `check` may refuse it.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: there is no such project.
        ConflictError: the same study is queued or runs.
        DataError: the name is too long.
    """
    plain = to_dict(config)
    _check_name(kind, name)
    sha256 = job_queries.payload_sha256(kind.job, plain, project_id)

    def work(session: Session) -> Study[P]:
        project_queries.lock_project(session, project_id)
        check(session)
        dedupe_key = f"{kind.job}:{project_id}:{sha256[:16]}"
        job = jobs.submit_config(
            session, kind.job, project_id, plain, dedupe_key=dedupe_key, actor=actor
        )
        study_id = queries.insert_study(
            session,
            kind,
            project_id=project_id,
            job_id=job.job_id,
            name=name,
            config=plain,
            created_at=engines.now_ms(session),
            created_by=actor,
        )
        return queries.get_study(session, kind, project_id, study_id)

    return workspace.write(work)


def list_studies(workspace: Workspace, kind: StudyKind[P], project_id: int) -> list[Study[P]]:
    """Return the studies of a project of this kind with their parts, the newest first."""
    with workspace.reading() as session:
        return queries.list_studies(session, kind, project_id)


def get_study(workspace: Workspace, kind: StudyKind[P], project_id: int, study_id: int) -> Study[P]:
    """Return a study with the parts that are ready by now.

    Raises:
        NotFoundError: the project has none of that kind and id.
    """
    with workspace.reading() as session:
        return queries.get_study(session, kind, project_id, study_id)


def of_job(workspace: Workspace, kind: StudyKind[P], job_id: int) -> Study[P]:
    """Return the study that a job computes.

    Raises:
        NotFoundError: it was deleted.
    """
    with workspace.reading() as session:
        return queries.of_job(session, kind, job_id)


def save_part(workspace: Workspace, study: Study[P], part: P, *, fence: int | None = None) -> None:
    """Store a part that is whole, or replace it by what was added to it; for the job.

    Raises:
        ConflictError: another worker has the job.
    """
    _write(workspace, study, fence, lambda session: queries.put_part(session, study, part))


def save_summary(
    workspace: Workspace, study: Study[P], summary: Mapping[str, Any], *, fence: int | None = None
) -> None:
    """Store what was used and made; for the job.

    Raises:
        ConflictError: another worker has the job.
    """
    study_id = study.study_id
    _write(workspace, study, fence, lambda session: queries.set_summary(session, study_id, summary))


def delete_study(
    workspace: Workspace, kind: StudyKind[P], project_id: int, study_id: int, *, actor: str
) -> None:
    """Delete a study with its parts and files.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: the project has none of that kind and id.
        ConflictError: its job is queued or runs.
    """

    def work(session: Session) -> None:
        permissions.require(session, actor, Role.OWNER, project_id)
        project_queries.lock_project(session, project_id)
        found = queries.get_study(session, kind, project_id, study_id)
        if found.state in (JobState.QUEUED, JobState.RUNNING):
            raise ConflictError(
                f"the {kind.name} {found.name!r} is {found.state}: cancel it first, then delete it"
            )
        queries.delete_rows(session, study_id)

    workspace.write(work)
    shutil.rmtree(workspace.files.study(study_id), ignore_errors=True)


def _check_name(kind: StudyKind[P], name: str) -> None:
    if len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise DataError(
            f"the {kind.name}'s name must be up to {MAX_NAME_CHARS} characters that can be shown, "
            f"got {name[:40]!r}"
        )


def _write(
    workspace: Workspace, study: Study[P], fence: int | None, change: Callable[[Session], None]
) -> None:
    def work(session: Session) -> None:
        leases.require_fence(session, study.job_id, fence)
        change(session)

    workspace.write(work)
