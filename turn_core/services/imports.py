"""Imports: look into a source, then take it; both run as jobs, with sources checked first."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turn_core.config import from_dict, to_dict
from turn_core.errors import ConflictError, DataError, IngestError
from turn_core.ingest.folder import is_below
from turn_core.ingest.names import shown
from turn_core.ingest.source import (
    ClassCount,
    ColumnInfo,
    ImportPlan,
    SourceForm,
    SourceKind,
    SourceRef,
    SourceReport,
    TableInfo,
)
from turn_core.services import jobs, uploads
from turn_core.services.workspace import Workspace
from turn_core.store import projects as project_queries
from turn_core.types import Job, JobKind, JobState

__all__ = [
    "ClassCount",
    "ColumnInfo",
    "ImportPlan",
    "ImportRequest",
    "ServerSource",
    "SourceForm",
    "SourceKind",
    "SourceRef",
    "SourceReport",
    "TableInfo",
    "report_of",
    "resolve",
    "server_sources",
    "source_of",
    "start_import",
    "start_inspect",
]

MAX_SERVER_SOURCES = 1000
_MAX_NAME_CHARS = 200
_FILE_SUFFIXES = {".zip": SourceKind.ZIP, ".parquet": SourceKind.PARQUET}


@dataclass(frozen=True, slots=True)
class ServerSource:
    """A folder or file below a data root that can be imported; `title` is for people."""

    title: str
    source: SourceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """An import as the user confirmed it. `idem_key` was made when the plan was shown."""

    plan: ImportPlan
    idem_key: str = ""


def start_inspect(
    workspace: Workspace,
    source: SourceRef,
    *,
    actor: str,
    any_path: bool = False,
    idem_key: str = "",
) -> Job:
    """Queue a look into a source; the job's result is a `SourceReport` (see `report_of`).

    Args:
        workspace: the store.
        source: what to look into.
        actor: who asks.
        any_path: allow paths outside of the data roots, for people with a shell on the server.
        idem_key: the same key again returns the same job.

    Raises:
        IngestError: the path is not below a data root.
        NotFoundError: there is no such upload.
    """
    resolve(workspace, source, any_path=any_path)
    params = {"source": to_dict(source), "any_path": any_path}
    return jobs.submit(
        workspace, JobKind.INSPECT, params, idem_key=idem_key or uuid.uuid4().hex, actor=actor
    )


def start_import(
    workspace: Workspace, request: ImportRequest, *, actor: str, any_path: bool = False
) -> Job:
    """Queue an import; its result is {"project_id", "num_samples", "num_refused"}.

    Raises:
        ConflictError: a project of that name exists, or an import of that name runs.
        DataError: the name is empty or too long.
        IngestError: the path is not below a data root.
        NotFoundError: there is no such upload.
    """
    plan = request.plan
    if not plan.name.strip() or len(plan.name) > _MAX_NAME_CHARS:
        raise DataError(
            f"a project needs a name of 1 to {_MAX_NAME_CHARS} characters, got {len(plan.name)}"
        )
    resolve(workspace, plan.source, any_path=any_path)
    with workspace.reading() as session:
        taken = project_queries.find_by_name(session, plan.name) is not None
    if taken:
        raise ConflictError(f"a project named {plan.name!r} exists; choose another name")
    params = {"plan": plan.to_dict(), "any_path": any_path}
    return jobs.submit(
        workspace,
        JobKind.IMPORT,
        params,
        idem_key=request.idem_key or uuid.uuid4().hex,
        dedupe_key=f"import:{plan.name}",
        actor=actor,
    )


def report_of(job: Job) -> SourceReport:
    """Return what a finished inspect job found.

    Raises:
        DataError: the job is not a finished inspection.
    """
    if job.kind != JobKind.INSPECT or job.state != JobState.DONE or job.result is None:
        raise DataError(f"job {job.job_id} is no finished inspection but {job.kind} {job.state}")
    return SourceReport.from_dict(job.result)


def source_of(params: Mapping[str, Any]) -> SourceRef:
    """Return the source that the parameters of an inspect job name."""
    return from_dict(SourceRef, params["source"])


def resolve(workspace: Workspace, source: SourceRef, *, any_path: bool = False) -> Path | None:
    """Return where a source lies, after checking that it may be read; None for the digits.

    Raises:
        IngestError: nothing is there, or the path is not below a data root.
        NotFoundError: there is no such upload.
    """
    if source.kind == SourceKind.DIGITS:
        return None
    if source.upload:
        return uploads.upload_path(workspace, source.upload)
    if not source.path:
        raise IngestError("the source has neither a path nor an upload; choose a file or folder")
    path = Path(source.path)
    roots = workspace.settings.data_roots
    if not any_path and not is_below(path, roots):
        where = ", ".join(map(str, roots)) or "none; the administrator sets TURN_DATA_ROOTS"
        raise IngestError(
            f"{shown(source.path)} is not below a folder that may be imported from ({where})"
        )
    if not path.exists():
        raise IngestError(
            f"there is nothing at {shown(source.path)}; choose a file or folder that is there"
        )
    return path


def server_sources(workspace: Workspace) -> list[ServerSource]:
    """Return the data roots and what lies directly in them: folders, ZIP and Parquet files."""
    found: list[ServerSource] = []
    for root in workspace.settings.data_roots:
        if not root.is_dir():
            continue
        entries = sorted(path for path in root.iterdir() if not path.name.startswith("."))
        for path in [root, *entries][:MAX_SERVER_SOURCES]:
            kind = _kind(path)
            if kind is not None and is_below(path, (root,)):
                title = root.name if path == root else f"{root.name}/{path.name}"
                ref = SourceRef(kind=kind, path=str(path), name=path.name)
                found.append(ServerSource(title, ref))
    return found


def _kind(path: Path) -> SourceKind | None:
    if path.is_dir():
        return SourceKind.FOLDER
    return _FILE_SUFFIXES.get(path.suffix.lower()) if path.is_file() else None
