"""The review queue and the decisions, without a Streamlit rerun in between."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import resources
from app.routes.answers import answers_errors, query_int, read_json
from app.routes.wire import candidate_json, decisions_from, progress_json, result_json
from app.sessions import clean_name
from turn_core.errors import DataError
from turn_core.services import review

MAX_CANDIDATES = 200
_NO_STORE = {"Cache-Control": "no-store"}


@answers_errors
async def queue(request: Request) -> Response:
    """Return the next candidates of a run after a rank, with the counts of the review."""
    project_id = int(request.path_params["project_id"])
    run_id = query_int(request, "run_id")
    if run_id is None:
        raise DataError("run_id is missing; name the run whose queue is wanted")
    limit = query_int(request, "limit", low=1, high=MAX_CANDIDATES) or 50
    after_rank, class_id = query_int(request, "after_rank"), query_int(request, "class_id")

    def read() -> dict[str, object]:
        workspace = resources.workspace()
        candidates = review.next_candidates(
            workspace, project_id, run_id, limit=limit, after_rank=after_rank, class_id=class_id
        )
        counts = review.progress(workspace, project_id, run_id)
        return {
            "candidates": [candidate_json(candidate) for candidate in candidates],
            "progress": progress_json(counts),
        }

    return JSONResponse(await run_in_threadpool(read), headers=_NO_STORE)


@answers_errors
async def decide(request: Request) -> Response:
    """Record decisions in one transaction; the answer says what became of each, in order."""
    project_id = int(request.path_params["project_id"])
    body = await read_json(request)
    decisions = decisions_from(body)
    name = body.get("reviewer")

    def write() -> list[dict[str, object]]:
        sessions = resources.sessions()
        session_id = sessions.session_id(request.cookies)
        actor = clean_name(name) if isinstance(name, str) else sessions.reviewer(session_id)
        results = review.record(resources.workspace(), project_id, decisions, actor=actor)
        return [result_json(result) for result in results]

    return JSONResponse({"results": await run_in_threadpool(write)}, headers=_NO_STORE)
