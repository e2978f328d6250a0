"""Finished exports as downloads, straight from disk."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.routes.answers import answers_errors, workspace_of
from turn_core.services import exports


@answers_errors
async def download(request: Request) -> Response:
    """Send one export file as an attachment."""
    project_id = int(request.path_params["project_id"])
    export_id = int(request.path_params["export_id"])
    path = await run_in_threadpool(
        exports.export_file, workspace_of(request), project_id, export_id
    )
    # The name is ours, but a header must never carry anything but plain characters.
    name = re.sub(r"[^A-Za-z0-9._-]", "_", path.name)
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=name,
        headers={"Cache-Control": "private, no-store"},
    )
