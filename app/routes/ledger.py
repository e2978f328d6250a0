"""The ledger as a CSV file, streamed while it is read."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app import resources
from app.routes.answers import answers_errors, query_int
from turn_core.errors import DataError
from turn_core.services import ledger, projects
from turn_core.services.ledger import LedgerFilter
from turn_core.types import Action


@answers_errors
async def download(request: Request) -> Response:
    """Send the decisions that the query asks for as an attachment."""
    project_id = int(request.path_params["project_id"])
    workspace, query = resources.workspace(), request.query_params
    wanted = _filter(query, run_id=query_int(request, "run_id"))
    await run_in_threadpool(projects.get_project, workspace, project_id)  # 404 before any line
    lines = ledger.csv_lines(
        workspace, project_id, wanted, for_spreadsheets=query.get("for") == "spreadsheets"
    )
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="ledger-{project_id}.csv"',
    }
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


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
