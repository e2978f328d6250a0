"""The export job: write into staging, then publish. Nothing half written is ever listed."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from turn_core.durable import atomic_write
from turn_core.export import columns, model_folder, names, writing
from turn_core.export.archive import Written
from turn_core.export.formats import FORMATS, ExportFormat
from turn_core.export.rows import LabelTable
from turn_core.export.writing import WriteOptions
from turn_core.jobs.context import JobContext
from turn_core.services import exports
from turn_core.services.exports import FinishedFile
from turn_core.store import runs as run_queries
from turn_core.types import Export, Run


def run(context: JobContext) -> dict[str, Any]:
    """Write the export that the job's parameters name; returns its id, file and counts.

    Raises:
        NotFoundError: the project, run or model is gone.
        ResourceError: the disk is full, or too small to begin.
        JobCancelled: a person pressed Cancel; nothing is kept.
    """
    workspace, job = context.workspace, context.job
    export_id, done = exports.begin(workspace, job)
    if done is not None:
        return _result(done.export_id, done, {})
    folder = workspace.files.staging(job.job_id) / "export"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made, left_out = _write(context, folder)
    context.check()
    exports.publish(workspace, job, context.fence, export_id, folder, made)
    return _result(export_id, made, left_out)


def _write(context: JobContext, folder: Path) -> tuple[FinishedFile, Mapping[str, int]]:
    params = context.params
    kind = ExportFormat(str(params["format"]))
    with context.workspace.reading() as session:
        project_id, run_id = context.job.project_id or 0, params["run_id"]
        run = None
        if isinstance(run_id, int):
            run = run_queries.get_run(session, project_id, run_id)
        labels = exports.open_labels(session, project_id, run)
        path = folder / f"{names.file_stem(labels.project)}-{FORMATS[kind].file_name}"
        labels_sha256 = labels.labels_sha256()
        if run is not None and kind is ExportFormat.MODEL:
            written = _write_model(context, run, labels, path)
        else:
            written = _write_labels(context, labels, kind, path)
    context.progress(stage="Check the file", stage_index=2)
    made = FinishedFile(
        file_name=path.name,
        num_bytes=path.stat().st_size,
        num_rows=written.num_rows,
        labels_sha256=labels_sha256,
        file_sha256=_sha256(path),
    )
    return made, written.left_out


def _write_labels(
    context: JobContext, labels: LabelTable, kind: ExportFormat, path: Path
) -> Written:
    workspace, total = context.workspace, labels.num_rows
    options = WriteOptions(
        blob=workspace.files.blob,
        include_excluded=bool(context.params["include_excluded"]),
        scratch=path.parent,
        check=context.check,
        on_rows=lambda done: context.progress(step=done, total=total),
    )
    context.progress(stage="Write the file", total=total, stage_index=1, num_stages=2)
    workspace.files.require_free(writing.expected_bytes(labels, kind, options), "this export")
    written = Written()

    def write(file: BinaryIO) -> None:
        nonlocal written
        written = writing.write_labels(labels, kind, file, options)

    atomic_write(path, write)
    if FORMATS[kind].has_schema:
        schema = columns.schema_json(writing.schema_of(labels, kind))
        atomic_write(path.with_name(exports.SCHEMA_NAME), schema)
    return written


def _write_model(context: JobContext, run: Run, labels: LabelTable, path: Path) -> Written:
    files = context.workspace.files
    folder = files.run(run.run_id) / "model"
    size = sum(file.stat().st_size for file in model_folder.model_files(folder))
    files.require_free(size, "this export")
    name = f"{names.file_stem(labels.project)}-round-{run.number}"

    def write(file: BinaryIO) -> None:
        model_folder.write_model(folder, file, name=name, check=context.check)

    context.progress(stage="Write the file", stage_index=1, num_stages=2)
    atomic_write(path, write)
    return Written(num_rows=labels.num_rows)


def _result(
    export_id: int, made: FinishedFile | Export, left_out: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "export_id": export_id,
        "file_name": made.file_name,
        "num_bytes": made.num_bytes,
        "num_rows": made.num_rows,
        "labels_sha256": made.labels_sha256,
        "file_sha256": made.file_sha256,
        "left_out": dict(left_out),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
