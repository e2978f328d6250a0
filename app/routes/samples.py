"""What has been decided about a sample, for the card that shows it."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.routes.answers import answers_errors, workspace_of
from app.routes.wire import Json
from turn_core.services import samples
from turn_core.types import LabelEvent


@answers_errors
async def history(request: Request) -> Response:
    """Return the decisions on a sample, the first one first."""
    project_id = int(request.path_params["project_id"])
    sample_id = int(request.path_params["sample_id"])
    events = await run_in_threadpool(samples.history, workspace_of(request), project_id, sample_id)
    body = {"events": [_event_json(event) for event in events]}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _event_json(event: LabelEvent) -> Json:
    return {
        "action": event.action.value,
        "class": event.class_id,
        "previous": event.previous_class_id,
        "actor": event.actor,
        "at": event.at,
        "bulk": event.bulk,
    }
