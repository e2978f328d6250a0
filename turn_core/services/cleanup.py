"""Delete projects, and images that no project uses."""

import shutil
from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from turn_core.errors import ConflictError
from turn_core.services.leases import end_job
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import exports as export_queries
from turn_core.store import jobs as job_queries
from turn_core.store import projects as queries
from turn_core.store import runs as run_queries
from turn_core.store import samples as sample_queries
from turn_core.store.files import Files
from turn_core.types import JobKind, JobState

CHUNK = 200
"""Images deleted per transaction: reviewers who save meanwhile wait for one chunk at most."""


def delete_project(workspace: Workspace, project_id: int, *, actor: str) -> None:
    """Do `projects.delete_project`."""
    running = workspace.write(lambda session: _stop_jobs(session, project_id, actor))
    if running:
        raise ConflictError(
            f"a {running} job of this project is running; it was asked to stop: "
            "delete the project again in a moment"
        )
    files = workspace.files
    runs, exports, hashes = workspace.write(lambda session: _delete_rows(session, project_id))
    for folder in [*map(files.run, runs), *map(files.export, exports)]:
        if folder.exists():
            shutil.rmtree(folder)
    delete_images(workspace, sorted(hashes))


def delete_images(workspace: Workspace, hashes: Sequence[str]) -> int:
    """Delete those of the images that no project uses; return how many.

    Stops while an import is queued or runs, because it may be about to use them: what is left
    then goes with `sweep_images`.
    """
    deleted = 0
    for start in range(0, len(hashes), CHUNK):
        part = hashes[start : start + CHUNK]
        with workspace.writing() as session:
            engines.lock_files(session)
            if job_queries.count_active(session, JobKind.IMPORT):
                return deleted
            unused = set(part) - sample_queries.still_used(session, part)
            for sha256 in unused:
                _unlink(workspace.files, sha256)
        deleted += len(unused)
    return deleted


def sweep_images(workspace: Workspace) -> int:
    """Delete all stored images that no project uses (of imports that failed); return how many."""
    return delete_images(workspace, list(_stored_hashes(workspace.files)))


def _stop_jobs(session: Session, project_id: int, actor: str) -> str | None:
    queries.lock_project(session, project_id)
    running = None
    for row in job_queries.active_rows(session, project_id):
        if row.state == JobState.QUEUED:
            end_job(session, row, JobState.CANCELLED, error=f"{actor} deleted the project")
        else:
            job_queries.request_cancel(session, row.id)
            running = row.kind
    return running


def _delete_rows(session: Session, project_id: int) -> tuple[list[int], list[int], set[str]]:
    queries.lock_project(session, project_id)
    if job_queries.active_rows(session, project_id):
        raise ConflictError("a job of this project was started meanwhile: cancel it first")
    runs = [run.run_id for run in run_queries.list_runs(session, project_id)]
    exports = export_queries.ids(session, project_id)
    hashes = sample_queries.sha256s(session, project_id)
    queries.delete_rows(session, project_id)
    return runs, exports, hashes


def _unlink(files: Files, sha256: str) -> None:
    for path in (files.blob(sha256), files.thumb(sha256), files.preview(sha256)):
        path.unlink(missing_ok=True)


def _stored_hashes(files: Files) -> Iterator[str]:
    for path in (files.home / "blobs").glob("*/*"):
        if len(path.name) == 64 and path.is_file():
            yield path.name
