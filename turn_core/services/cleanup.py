"""Delete projects, and files that none of them uses."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from turn_core.errors import ConflictError
from turn_core.services import permissions
from turn_core.services.leases import end_job
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import exports as export_queries
from turn_core.store import jobs as job_queries
from turn_core.store import projects as queries
from turn_core.store import runs as run_queries
from turn_core.store import samples as sample_queries
from turn_core.store import studies as study_queries
from turn_core.store.files import Files
from turn_core.types import JobKind, JobState
from turn_core.types.reviewing import Role

CHUNK = 200
"""Images deleted per transaction: reviewers who save meanwhile wait for one chunk at most."""

USES_CACHES = (JobKind.TRAIN, JobKind.SEARCH)
"""Jobs that decode images and extract features into files that others use too."""

IMAGE_FOLDERS = ("blobs", "thumbs", "previews")
_IMAGE_FILE = re.compile(r"([0-9a-f]{64})(\.webp)?")
_CACHE_FILE = re.compile(r"((?:pixels|features)-[0-9a-f]+)\..*")


def delete_project(workspace: Workspace, project_id: int, *, actor: str) -> None:
    """Do `projects.delete_project`."""
    running = workspace.write(lambda session: _stop_jobs(session, project_id, actor))
    if running:
        raise ConflictError(
            f"a {running} job of this project is running; it was asked to stop: "
            "delete the project again in a moment"
        )
    files = workspace.files
    folders, hashes = workspace.write(lambda session: _delete_rows(session, files, project_id))
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
    delete_images(workspace, sorted(hashes))
    sweep_caches(workspace)


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
    return delete_images(workspace, sorted(set(_stored_hashes(workspace.files))))


def sweep_folders(workspace: Workspace) -> int:
    """Delete what runs that failed and projects that are gone left as folders; return how many.

    A failed run leaves one where its process was killed.
    """
    files = workspace.files
    kinds = (files.run(0).parent, files.export(0).parent, files.study(0).parent)
    folders = [path for kind in kinds for path in kind.glob("*")]  # before rows: none is too new
    with workspace.reading() as session:
        needed = set(map(files.run, run_queries.ids_in_use(session)))
        needed |= set(map(files.export, export_queries.ids(session)))
        needed |= set(map(files.study, study_queries.ids(session)))
    gone = [folder for folder in folders if folder not in needed]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone)


def sweep_caches(workspace: Workspace) -> int:
    """Delete decoded images and features that no complete run names; return how many files.

    Does nothing while what uses them is queued or runs.
    """
    deleted = 0
    with workspace.writing() as session:
        engines.lock_files(session)
        if any(job_queries.count_active(session, kind) for kind in USES_CACHES):
            return 0
        needed = run_queries.cache_keys(session)
        for path in workspace.files.array("any").parent.glob("*"):
            match = _CACHE_FILE.fullmatch(path.name)
            if match and match[1] not in needed:
                path.unlink(missing_ok=True)
                deleted += 1
    return deleted


def _stop_jobs(session: Session, project_id: int, actor: str) -> str | None:
    permissions.require(session, actor, Role.OWNER, project_id)
    queries.lock_project(session, project_id)
    running = None
    for row in job_queries.active_rows(session, project_id):
        if row.state == JobState.QUEUED:
            end_job(session, row, JobState.CANCELLED, error=f"{actor} deleted the project")
        else:
            job_queries.request_cancel(session, row.id)
            running = row.kind
    return running


def _delete_rows(session: Session, files: Files, project_id: int) -> tuple[list[Path], set[str]]:
    queries.lock_project(session, project_id)
    if job_queries.active_rows(session, project_id):
        raise ConflictError("a job of this project was started meanwhile: cancel it first")
    folders = [files.run(run.run_id) for run in run_queries.list_runs(session, project_id)]
    folders += map(files.export, export_queries.ids(session, project_id))
    folders += map(files.study, study_queries.ids(session, project_id))
    hashes = sample_queries.sha256s(session, project_id)
    queries.delete_rows(session, project_id)
    return folders, hashes


def _unlink(files: Files, sha256: str) -> None:
    for path in (files.blob(sha256), files.thumb(sha256), files.preview(sha256)):
        path.unlink(missing_ok=True)


def _stored_hashes(files: Files) -> Iterator[str]:
    for folder in IMAGE_FOLDERS:
        for path in (files.home / folder).glob("*/*"):
            if match := _IMAGE_FILE.fullmatch(path.name):
                yield match[1]
