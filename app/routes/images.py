"""Thumbnails and previews as immutable WebP files."""

from pathlib import Path

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.routes.answers import answers_errors, workspace_of
from turn_core.services import media

_IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
_BRIEF = {"Cache-Control": "private, no-cache"}
_rendering = anyio.CapacityLimiter(2)  # decoding photographs must not starve the pages


@answers_errors
async def thumb(request: Request) -> Response:
    """Send the thumbnail made at import (at most 192 pixels)."""
    project_id, sample_id = _ids(request)
    path = await run_in_threadpool(media.thumb_path, workspace_of(request), project_id, sample_id)
    return _image(request, path)


@answers_errors
async def preview(request: Request) -> Response:
    """Send the preview (at most 1,024 pixels), rendering it on the first call."""
    project_id, sample_id = _ids(request)
    path = await anyio.to_thread.run_sync(
        media.preview_path, workspace_of(request), project_id, sample_id, limiter=_rendering
    )
    return _image(request, path)


def _ids(request: Request) -> tuple[int, int]:
    return int(request.path_params["project_id"]), int(request.path_params["sample_id"])


def _image(request: Request, path: Path) -> Response:
    """Cache for ever where the address names the content, otherwise ask again."""
    version = request.query_params.get("v", "")
    named = len(version) >= 8 and path.name.startswith(version)
    return FileResponse(path, media_type="image/webp", headers=_IMMUTABLE if named else _BRIEF)
