"""What our routes have in common: errors as one JSON sentence, bounded JSON bodies."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import resources
from turn_core.errors import (
    ConflictError,
    DataError,
    NotFoundError,
    PermissionDeniedError,
    ResourceError,
    StoreError,
    TurnError,
)
from turn_core.services.workspace import Workspace

Endpoint = Callable[[Request], Awaitable[Response]]
MAX_JSON = 1_000_000
_STATUS: tuple[tuple[type[TurnError], int], ...] = (
    (NotFoundError, 404),
    (PermissionDeniedError, 403),
    (ConflictError, 409),
    (ResourceError, 507),
    (StoreError, 503),
    (TurnError, 422),
)


def answers_errors(endpoint: Endpoint) -> Endpoint:
    """Turn every TurnError of an endpoint into `{"error": sentence}` with a fitting status."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except TurnError as error:
            status = next(code for kind, code in _STATUS if isinstance(error, kind))
            return JSONResponse({"error": str(error)}, status_code=status)
        except OverflowError:  # an id beyond those that a database can hold
            return JSONResponse({"error": "there is nothing of that number"}, status_code=404)

    return guarded


def workspace_of(request: Request) -> Workspace:
    """Return the workspace as whoever sits at the browser sees it."""
    return resources.workspace().seen_by(reader_of(request))


def reader_of(request: Request) -> str:
    """Return the name of whoever sits at the browser."""
    sessions = resources.sessions()
    return sessions.reviewer(sessions.session_id(request.cookies))


async def read_json(request: Request) -> dict[str, object]:
    """Return the JSON object in the body.

    Raises:
        DataError: the body is larger than 1 MB, is not JSON, or is not an object.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON:
            raise DataError(f"the request is larger than {MAX_JSON} bytes; send less at a time")
    try:
        value = json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        raise DataError("the request is not JSON; send an object") from error
    if not isinstance(value, dict):
        raise DataError("the request must be a JSON object")
    return value


def query_int(request: Request, name: str, *, low: int = 0, high: int = 2**53) -> int | None:
    """Return a whole number of the query, or None where it is absent.

    Raises:
        DataError: it is not a whole number in low..high.
    """
    text = request.query_params.get(name, "")
    if not text:
        return None
    whole = text.isascii() and text.isdigit() and len(text) <= 16
    if not whole or not low <= int(text) <= high:
        raise DataError(f"{name} must be a whole number from {low} to {high}, got {text[:20]!r}")
    return int(text)
