"""The review queue and the decisions, without a Streamlit rerun in between."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import resources
from app.routes.answers import answers_errors, query_int, read_json
from app.routes.queue_wire import counts_json, queue_from
from app.routes.wire import candidate_json, decisions_from, progress_json, result_json
from app.sessions import clean_name
from turn_core.errors import DataError
from turn_core.services import queues, review

MAX_CANDIDATES = 200
_NO_STORE = {"Cache-Control": "no-store"}


@answers_errors
async def queue(request: Request) -> Response:
    """Return the next candidates of a queue after a sample, with the counts of the review."""
    project_id, run_id = _run_of(request)
    limit = query_int(request, "limit", low=1, high=MAX_CANDIDATES) or 50
    after, wanted = query_int(request, "after"), queue_from(request.query_params)

    def read() -> dict[str, object]:
        workspace = resources.workspace()
        candidates = queues.next_candidates(
            workspace, project_id, run_id, wanted, limit=limit, after=after
        )
        counts = review.progress(workspace, project_id, run_id)
        return {
            "candidates": [candidate_json(candidate) for candidate in candidates],
            "progress": progress_json(counts),
        }

    return JSONResponse(await run_in_threadpool(read), headers=_NO_STORE)


@answers_errors
async def counts(request: Request) -> Response:
    """Return what is left in every queue of a run, and in the one that the query describes."""
    project_id, run_id = _run_of(request)
    wanted = queue_from(request.query_params)

    def read() -> dict[str, object]:
        workspace = resources.workspace()
        found = counts_json(queues.queue_counts(workspace, project_id, run_id))
        return found | {"queue": queues.count(workspace, project_id, run_id, wanted)}

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


def _run_of(request: Request) -> tuple[int, int]:
    run_id = query_int(request, "run_id")
    if run_id is None:
        raise DataError("run_id is missing; name the run whose queue is wanted")
    return int(request.path_params["project_id"]), run_id
