"""The ledger and the votes as files."""

import tempfile
from collections.abc import Iterator
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.routes.answers import answers_errors, query_int, reader_of, workspace_of
from turn_core.errors import DataError
from turn_core.services import ledger, projects, vote_files
from turn_core.services.ledger import LedgerFilter
from turn_core.services.workspace import Workspace
from turn_core.types import Action

_BLOCK = 1 << 20


@answers_errors
async def as_csv(request: Request) -> Response:
    """Send the decisions that the query asks for as CSV, streamed while they are read."""
    workspace, project_id = await _project(request)
    wanted = _filter(request)
    lines = ledger.csv_lines(workspace, project_id, wanted, for_spreadsheets=_safe(request))
    return _csv(lines, f"ledger-{project_id}.csv")


@answers_errors
async def as_parquet(request: Request) -> Response:
    """Send the decisions that the query asks for as Parquet, whose end says what it holds."""
    workspace, project_id = await _project(request)
    wanted = _filter(request)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it is sent
    await run_in_threadpool(ledger.parquet, workspace, project_id, file, wanted)
    return _parquet(file, f"ledger-{project_id}.parquet")


@answers_errors
async def votes_as_csv(request: Request) -> Response:
    """Send the votes that whoever asks may see as CSV, streamed while they are read."""
    workspace, project_id = await _project(request)
    lines = vote_files.csv_lines(
        workspace, project_id, reader=reader_of(request), for_spreadsheets=_safe(request)
    )
    return _csv(lines, f"votes-{project_id}.csv")


@answers_errors
async def votes_as_parquet(request: Request) -> Response:
    """Send the votes that whoever asks may see as Parquet."""
    workspace, project_id = await _project(request)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it is sent
    await run_in_threadpool(
        vote_files.parquet, workspace, project_id, file, reader=reader_of(request)
    )
    return _parquet(file, f"votes-{project_id}.parquet")


async def _project(request: Request) -> tuple[Workspace, int]:
    project_id, workspace = int(request.path_params["project_id"]), workspace_of(request)
    await run_in_threadpool(projects.get_project, workspace, project_id)  # 404 before any line
    return workspace, project_id


def _safe(request: Request) -> bool:
    return request.query_params.get("for") == "spreadsheets"


def _csv(lines: Iterator[str], name: str) -> Response:
    kind = "text/csv; charset=utf-8"
    return StreamingResponse(lines, media_type=kind, headers=_headers(name))


def _parquet(file: IO[bytes], name: str) -> Response:
    kind = "application/vnd.apache.parquet"
    return StreamingResponse(_blocks(file), media_type=kind, headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block


def _filter(request: Request) -> LedgerFilter:
    query, run_id = request.query_params, query_int(request, "run_id")
    action, bulk = query.get("action", ""), query.get("bulk", "")
    if action and action not in {known.value for known in Action}:
        raise DataError(f"action must be one of {', '.join(Action)}; got {action[:20]!r}")
    if bulk not in ("", "true", "false"):
        raise DataError(f"bulk must be true or false, got {bulk[:20]!r}")
    return LedgerFilter(
        actor=query.get("actor", ""),
        action=Action(action) if action else None,
        queue=query.get("queue", ""),
        bulk=None if not bulk else bulk == "true",
        run_id=run_id,
    )
