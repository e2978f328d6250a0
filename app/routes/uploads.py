"""Uploads in pieces straight to disk; a broken one goes on where it stopped."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import resources
from app.routes.answers import answers_errors, query_int, read_json
from turn_core.errors import DataError
from turn_core.services import uploads

MAX_PIECE = 16 * 2**20
_PART = 2**20


@answers_errors
async def create(request: Request) -> Response:
    """Announce a file by name and size; the answer is the token of the upload."""
    body = await read_json(request)
    name, size = body.get("name"), body.get("size")
    if not isinstance(name, str) or not isinstance(size, int) or isinstance(size, bool):
        raise DataError("an upload needs the name of the file and its size in bytes")
    token = await run_in_threadpool(uploads.create_upload, resources.workspace(), name, size)
    return JSONResponse({"token": token, "offset": 0})


@answers_errors
async def received(request: Request) -> Response:
    """Say how much of an upload has arrived, so that it can go on from there."""
    token = str(request.path_params["token"])
    offset = await run_in_threadpool(uploads.received, resources.workspace(), token)
    return JSONResponse({"offset": offset}, headers={"Cache-Control": "no-store"})


@answers_errors
async def append(request: Request) -> Response:
    """Write one piece (at most 16 MB) at `offset`; the answer says how far the upload is."""
    token = str(request.path_params["token"])
    start = query_int(request, "offset")
    if start is None:
        raise DataError("offset is missing; say where the piece begins")
    workspace, position, part, end = resources.workspace(), start, bytearray(), start
    async for chunk in request.stream():
        part += chunk
        if position - start + len(part) > MAX_PIECE:
            raise DataError(f"a piece of an upload may hold {MAX_PIECE} bytes; send smaller ones")
        if len(part) >= _PART:
            end = await run_in_threadpool(uploads.append, workspace, token, position, bytes(part))
            position, part = position + len(part), bytearray()
    if part:
        end = await run_in_threadpool(uploads.append, workspace, token, position, bytes(part))
    return JSONResponse({"offset": end})


@answers_errors
async def finish(request: Request) -> Response:
    """Close a complete upload, so that it can be inspected."""
    token = str(request.path_params["token"])
    await run_in_threadpool(uploads.finish, resources.workspace(), token)
    return JSONResponse({"token": token})


@answers_errors
async def discard(request: Request) -> Response:
    """Delete what has arrived of an upload that a person cancelled."""
    token = str(request.path_params["token"])
    await run_in_threadpool(uploads.discard, resources.workspace(), token)
    return JSONResponse({"token": token})
