"""What has been decided about a sample, and voted on it, for the card that shows it."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import resources
from app.routes.answers import answers_errors, workspace_of
from app.routes.wire import Json
from turn_core.services import samples, votes
from turn_core.types import LabelEvent
from turn_core.types.voting import Vote


@answers_errors
async def history(request: Request) -> Response:
    """Return the decisions on a sample and the votes that may be seen, the first one first."""
    project_id = int(request.path_params["project_id"])
    sample_id = int(request.path_params["sample_id"])

    def read() -> list[Json]:
        sessions, workspace = resources.sessions(), workspace_of(request)
        reader = sessions.reviewer(sessions.session_id(request.cookies))
        lines = [
            *map(_vote_json, votes.votes_of(workspace, project_id, sample_id, reader=reader)),
            *map(_event_json, samples.history(workspace, project_id, sample_id)),
        ]
        return sorted(lines, key=lambda line: float(line["at"]))  # a vote before its agreement

    body = {"events": await run_in_threadpool(read)}
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


def _vote_json(vote: Vote) -> Json:
    return {
        "action": vote.action.value,
        "class": vote.class_id,
        "previous": None,
        "actor": vote.actor,
        "at": vote.at,
        "bulk": vote.bulk,
        "vote": True,
    }
