"""The review queue and the decisions, without a Streamlit rerun in between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, fields
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import resources
from app.routes.answers import answers_errors, query_int, read_json, workspace_of
from app.routes.queue_wire import counts_json, queue_from
from app.routes.wire import batch_from, candidate_json, decisions_from, progress_json, result_json
from app.sessions import clean_name
from turn_core.errors import DataError
from turn_core.services import claims, queues, review
from turn_core.types import DecisionResult
from turn_core.types.reviewing import Claimant, Selected

MAX_CANDIDATES = 200
_NO_STORE = {"Cache-Control": "no-store"}


@answers_errors
async def queue(request: Request) -> Response:
    """Return the next candidates of a queue after a sample, with the counts of the review."""
    project_id, run_id = _run_of(request)
    limit = query_int(request, "limit", low=1, high=MAX_CANDIDATES) or 50
    after, wanted = query_int(request, "after"), queue_from(request.query_params)

    def read() -> dict[str, object]:
        workspace = workspace_of(request)
        candidates = queues.next_candidates(
            workspace,
            project_id,
            run_id,
            wanted,
            limit=limit,
            after=after,
            claimant=claims.of_reviewer(workspace, project_id, _claimant(request)),
        )
        counts = review.progress(workspace, project_id, run_id)
        return {
            "candidates": [candidate_json(candidate) for candidate in candidates],
            "progress": progress_json(counts),
        }

    return JSONResponse(await run_in_threadpool(read), headers=_NO_STORE)


@answers_errors
async def counts(request: Request) -> Response:
    """Return what is left in every queue of a run, and in the one that the query describes.

    The page asks now and then while it is open: that also keeps its cards from others.
    """
    project_id, run_id = _run_of(request)
    wanted = queue_from(request.query_params)

    def read() -> dict[str, object]:
        workspace = workspace_of(request)
        claimant = _claimant(request)
        claims.renew(workspace, project_id, claimant)
        reader = claimant.reviewer
        found = counts_json(queues.queue_counts(workspace, project_id, run_id, reader=reader))
        in_queue = queues.count(workspace, project_id, run_id, wanted, reader=reader)
        return found | {"queue": in_queue}

    return JSONResponse(await run_in_threadpool(read), headers=_NO_STORE)


@answers_errors
async def release(request: Request) -> Response:
    """Give back the cards that this browser has before it."""
    project_id, claimant = int(request.path_params["project_id"]), _claimant(request)
    await run_in_threadpool(lambda: claims.release(resources.workspace(), project_id, claimant))
    return JSONResponse({}, headers=_NO_STORE)


@answers_errors
async def selection(request: Request) -> Response:
    """Return what a bulk decision needs of all samples of a queue, up to 5,000."""
    project_id, run_id = _run_of(request)
    wanted = queue_from(request.query_params)

    def read() -> list[tuple[object, ...]]:
        workspace, reader = workspace_of(request), _claimant(request).reviewer
        found = queues.selection(workspace, project_id, run_id, wanted, reader=reader)
        return [astuple(sample) for sample in found]

    columns = [field.name for field in fields(Selected)]
    body = {"columns": columns, "samples": await run_in_threadpool(read)}
    return JSONResponse(body, headers=_NO_STORE)


@answers_errors
async def decide(request: Request) -> Response:
    """Record decisions in one transaction; the answer says what became of each, in order.

    With `batch` they are one batch: marked as bulk, and undone at once by `undo_batch`.
    """
    project_id = int(request.path_params["project_id"])
    body = await read_json(request)
    decisions, batch_key = decisions_from(body), batch_from(body)

    def write() -> list[DecisionResult]:
        workspace, actor = resources.workspace(), _actor(request, body)
        if batch_key is None:
            browser = _claimant(request).browser
            return review.record(workspace, project_id, decisions, actor=actor, browser=browser)
        return review.record_bulk(
            workspace, project_id, decisions, actor=actor, batch_key=batch_key
        )

    return _results(await run_in_threadpool(write))


@answers_errors
async def undo_batch(request: Request) -> Response:
    """Take a batch back; `key` was made when the undo was asked for, and makes it a batch too."""
    undo = partial(review.undo_batch, browser=_claimant(request).browser)
    return await _turn(request, lambda key: {"undo_key": key}, undo)


@answers_errors
async def redo_batch(request: Request) -> Response:
    """Decide again what the undo of a batch took back."""
    return await _turn(request, lambda key: {"redo_key": key}, review.redo_batch)


async def _turn(
    request: Request,
    named: Callable[[str], dict[str, str]],
    service: Callable[..., list[DecisionResult]],
) -> Response:
    project_id, batch_key = int(request.path_params["project_id"]), request.path_params["key"]
    body = await read_json(request)
    if (key := batch_from(body, "key")) is None:
        raise DataError("key is missing; make one when the button is shown")
    results = await run_in_threadpool(
        lambda: service(
            resources.workspace(),
            project_id,
            batch_key,
            actor=_actor(request, body),
            **named(key),
        )
    )
    return _results(results)


def _actor(request: Request, body: Mapping[str, object]) -> str:
    name, sessions = body.get("reviewer"), resources.sessions()
    session_id = sessions.session_id(request.cookies)
    if isinstance(name, str) and sessions.signed_in(session_id) is None:
        return clean_name(name)
    return sessions.reviewer(session_id)


def _claimant(request: Request) -> Claimant:
    sessions = resources.sessions()
    return sessions.claimant(sessions.session_id(request.cookies))


def _results(results: Sequence[DecisionResult]) -> Response:
    told = [result_json(result) for result in results]
    return JSONResponse({"results": told}, headers=_NO_STORE)


def _run_of(request: Request) -> tuple[int, int]:
    run_id = query_int(request, "run_id")
    if run_id is None:
        raise DataError("run_id is missing; name the run whose queue is wanted")
    return int(request.path_params["project_id"]), run_id
