"""Exports: start one, list them, find their files; and label tables straight to a path.

The job writes into its staging folder; `publish` moves the finished folder to its place and
lists it in one step, so that a listed export is always whole.
"""

import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

from turn_core.durable import atomic_write, sync_folder
from turn_core.errors import ConfigError, ConflictError, DataError, NotFoundError
from turn_core.export import columns, model_folder, writing
from turn_core.export.formats import FORMATS, IMAGE_FORMATS, ExportFormat, FormatInfo
from turn_core.export.rows import LabelTable, read_labels
from turn_core.export.writing import WriteOptions
from turn_core.services import jobs, overviews
from turn_core.services.workspace import Workspace
from turn_core.store import engine as engines
from turn_core.store import exports as queries
from turn_core.store import jobs as job_queries
from turn_core.store import projects as project_queries
from turn_core.store import runs as run_queries
from turn_core.types import Export, Job, JobKind, JobState, Run

__all__ = [
    "FORMATS",
    "IMAGE_FORMATS",
    "SCHEMA_NAME",
    "ExportFormat",
    "ExportOptions",
    "FinishedFile",
    "FormatInfo",
    "begin",
    "export_file",
    "get_export",
    "list_exports",
    "open_labels",
    "publish",
    "schema_file",
    "start_export",
    "write_labels",
]

SCHEMA_NAME = "schema.json"
RUN_FORMATS = frozenset({ExportFormat.MODEL})
"""Formats that need a complete run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What a person may choose; without a run the latest complete one gives the scores."""

    run_id: int | None = None
    include_excluded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedFile:
    """What `publish` stores about a file that lies complete in a staging folder."""

    file_name: str
    num_bytes: int
    num_rows: int
    labels_sha256: str
    file_sha256: str


def start_export(
    workspace: Workspace,
    project_id: int,
    format: str,  # noqa: A002 - the word that people use for it
    *,
    options: ExportOptions | Mapping[str, Any] | None = None,
    actor: str,
) -> Job:
    """Queue an export of the labels as they are when the job starts.

    Args:
        workspace: the workspace.
        project_id: the project.
        format: one of `ExportFormat`.
        options: `ExportOptions`, or the same as a mapping.
        actor: who asks.

    Raises:
        ConfigError: there is no such format or option.
        NotFoundError: there is no such project or run, or the run saved no model.
        DataError: the run is not complete, or the format needs one and there is none.
        ConflictError: the same export is being made.
    """
    kind, chosen = _format(format), _options(options)
    with workspace.reading() as session:
        project_queries.get_project(session, project_id)
        run = _find_run(session, project_id, chosen.run_id)
    if kind in RUN_FORMATS:
        _check_model(workspace, run)
    params = {
        "format": kind.value,
        "run_id": None if run is None else run.run_id,
        "include_excluded": chosen.include_excluded,
    }
    return jobs.submit(
        workspace,
        JobKind.EXPORT,
        params,
        project_id=project_id,
        idem_key=uuid.uuid4().hex,
        dedupe_key=f"export:{project_id}:{kind.value}",
        actor=actor,
    )


def list_exports(workspace: Workspace, project_id: int) -> list[Export]:
    """Return the finished exports of a project, the newest first."""
    with workspace.reading() as session:
        return queries.list_exports(session, project_id)


def get_export(workspace: Workspace, project_id: int, export_id: int) -> Export:
    """Return a finished export.

    Raises:
        NotFoundError: the project has none of that id.
    """
    with workspace.reading() as session:
        return queries.get_export(session, project_id, export_id)


def export_file(workspace: Workspace, project_id: int, export_id: int) -> Path:
    """Return the file of an export.

    Raises:
        NotFoundError: the project has none of that id, or its file was deleted.
    """
    export = get_export(workspace, project_id, export_id)
    path = workspace.files.export(export_id) / export.file_name
    if not path.is_file():
        raise NotFoundError(f"the file of export {export_id} is gone: export again")
    return path


def schema_file(workspace: Workspace, project_id: int, export_id: int) -> Path | None:
    """Return the `schema.json` beside a label table, None for formats without one."""
    path = export_file(workspace, project_id, export_id).with_name(SCHEMA_NAME)
    return path if path.is_file() else None


def write_labels(
    workspace: Workspace,
    project_id: int,
    run_id: int | None,
    path: Path,
    format: str,  # noqa: A002 - the word that people use for it
) -> str:
    """Write a label table to `path` and `schema.json` beside it; return the labels' SHA-256.

    Args:
        workspace: the workspace.
        project_id: the project.
        run_id: the run that gives the scores; None leaves them empty.
        path: where to; what was there is replaced once the new file is whole.
        format: a table format of `ExportFormat`.

    Raises:
        ConfigError: there is no such table format.
        NotFoundError: there is no such project or run.
        ResourceError: the disk is full.
    """
    kind = _format(format)
    if not FORMATS[kind].has_schema:
        raise ConfigError(f"{kind} is no table; choose csv, csv_spreadsheet, jsonl or parquet")
    options = WriteOptions(blob=workspace.files.blob)
    with workspace.reading() as session:
        run = None if run_id is None else run_queries.get_run(session, project_id, run_id)
        labels = open_labels(session, project_id, run)

        def write(file: BinaryIO) -> None:
            writing.write_labels(labels, kind, file, options)

        atomic_write(path, write)
        schema = writing.schema_of(labels, kind)
    atomic_write(path.with_name(SCHEMA_NAME), columns.schema_json(schema))
    return str(schema["labels_sha256"])


def open_labels(session: Session, project_id: int, run: Run | None) -> LabelTable:
    """Return the labels of a project with the scores of a run, as the session sees them."""
    if run is None:
        return read_labels(session, project_id)
    tau = overviews.threshold(run)
    return read_labels(session, project_id, run_id=run.run_id, tau=tau)


def begin(workspace: Workspace, job: Job) -> tuple[int, Export | None]:
    """Return the id of the job's export, and the export itself if it is already finished.

    A job that was killed after `publish` finds its export here and makes no second one.
    """
    project_id = _project_of(job)

    def work(session: Session) -> tuple[int, Export | None]:
        if done := queries.finished_by_job(session, job.job_id):
            return done.export_id, done
        export_id = queries.insert_export(
            session,
            project_id,
            job_id=job.job_id,
            fmt=str(job.params["format"]),
            now=engines.now_ms(session),
            actor=job.created_by,
        )
        return export_id, None

    return workspace.write(work)


def publish(
    workspace: Workspace, job: Job, fence: int, export_id: int, folder: Path, made: FinishedFile
) -> None:
    """Move the finished `folder` to its place and list the export, under the job's fence.

    Raises:
        ConflictError: the job was cancelled or taken over; nothing was listed.
    """
    target = workspace.files.export(export_id)

    def work(session: Session) -> None:
        row = job_queries.get_row(session, job.job_id, lock=True)
        if row.fence != fence or row.state != JobState.RUNNING:
            raise ConflictError(f"export job {job.job_id} was taken over or is {row.state}")
        if folder.exists():  # a repeated transaction finds it moved
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            folder.rename(target)
            sync_folder(target.parent)
        queries.finish_export(
            session,
            export_id,
            file_name=made.file_name,
            num_bytes=made.num_bytes,
            num_rows=made.num_rows,
            labels_sha256=made.labels_sha256,
            file_sha256=made.file_sha256,
        )

    workspace.write(work)


def _format(name: str) -> ExportFormat:
    try:
        return ExportFormat(name)
    except ValueError as error:
        known = ", ".join(ExportFormat)
        raise ConfigError(f"there is no export format {name!r}; choose one of {known}") from error


def _options(given: ExportOptions | Mapping[str, Any] | None) -> ExportOptions:
    if isinstance(given, ExportOptions):
        return given
    values = dict(given or {})
    if unknown := set(values) - {"run_id", "include_excluded"}:
        named = ", ".join(sorted(unknown))
        raise ConfigError(f"unknown export option {named}; known are run_id, include_excluded")
    return ExportOptions(**values)


def _find_run(session: Session, project_id: int, run_id: int | None) -> Run | None:
    if run_id is None:
        return run_queries.latest_complete_run(session, project_id)
    run = run_queries.get_run(session, project_id, run_id)
    if run.state != "complete":
        raise DataError(f"run {run.number} is {run.state}; choose a complete one")
    return run


def _check_model(workspace: Workspace, run: Run | None) -> None:
    if run is None:
        raise DataError("there is no complete run yet; train first, then export its model")
    model_folder.model_files(workspace.files.run(run.run_id) / "model")


def _project_of(job: Job) -> int:
    if job.project_id is None:
        raise DataError(f"export job {job.job_id} names no project")
    return job.project_id
