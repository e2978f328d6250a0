"""The ledger as a file."""

import tempfile
from collections.abc import Iterator, Mapping
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.routes.answers import answers_errors, query_int, workspace_of
from turn_core.errors import DataError
from turn_core.services import ledger, projects
from turn_core.services.ledger import LedgerFilter
from turn_core.services.workspace import Workspace
from turn_core.types import Action

_BLOCK = 1 << 20


@answers_errors
async def as_csv(request: Request) -> Response:
    """Send the decisions that the query asks for as CSV, streamed while they are read."""
    workspace, project_id, wanted = await _asked(request)
    safe = request.query_params.get("for") == "spreadsheets"
    lines = ledger.csv_lines(workspace, project_id, wanted, for_spreadsheets=safe)
    headers = _headers(project_id, "csv")
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


@answers_errors
async def as_parquet(request: Request) -> Response:
    """Send the decisions that the query asks for as Parquet, whose end says what it holds."""
    workspace, project_id, wanted = await _asked(request)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it is sent
    await run_in_threadpool(ledger.parquet, workspace, project_id, file, wanted)
    headers = _headers(project_id, "parquet")
    return StreamingResponse(
        _blocks(file), media_type="application/vnd.apache.parquet", headers=headers
    )


async def _asked(request: Request) -> tuple[Workspace, int, LedgerFilter]:
    project_id, workspace = int(request.path_params["project_id"]), workspace_of(request)
    wanted = _filter(request.query_params, run_id=query_int(request, "run_id"))
    await run_in_threadpool(projects.get_project, workspace, project_id)  # 404 before any line
    return workspace, project_id, wanted


def _headers(project_id: int, form: str) -> dict[str, str]:
    return {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="ledger-{project_id}.{form}"',
    }


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block


def _filter(query: Mapping[str, str], *, run_id: int | None) -> LedgerFilter:
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
