"""Explorations as bytes: the samples behind the points, the maps, and the files made of them."""

import json

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.routes.answers import answers_errors, workspace_of
from turn_core.services import exploration_maps, explorations
from turn_core.services.workspace import Workspace

_IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
_BRIEF = {"Cache-Control": "private, no-cache"}
_BYTES = "application/octet-stream"
_KINDS = {"f8": "<f8", "f4": "<f4", "i4": "<i4", "u1": "|u1"}
NOT_SCORED = 2


@answers_errors
async def points(request: Request) -> Response:
    """Send what colours the points: ids, labels, clean probabilities, names, contents.

    The address names the version of labels and scores, so that the answer may be kept for ever.
    """
    project_id, exploration_id = _ids(request)

    def read() -> tuple[bytes, str]:
        workspace = workspace_of(request)
        found = explorations.points(workspace, project_id, exploration_id)
        return points_table(workspace, project_id, found), points_version(found)

    body, version = await run_in_threadpool(read)
    headers = _IMMUTABLE if request.query_params.get("v") == version else _BRIEF
    return Response(body, media_type=_BYTES, headers=headers)


@answers_errors
async def panel(request: Request) -> Response:
    """Send a map of a panel, x and y of every point, or its purity: float32, little endian."""
    project_id, exploration_id = _ids(request)
    index, name = int(request.path_params["index"]), str(request.path_params["name"])

    def read() -> bytes:
        workspace = workspace_of(request)
        values = exploration_maps.column(workspace, project_id, exploration_id, index, name)
        return np.ascontiguousarray(values, "<f4").tobytes()

    body = await run_in_threadpool(read)
    # A map never changes once it is there; the version in the address is that of its panel.
    headers = _IMMUTABLE if request.query_params.get("v") else _BRIEF
    return Response(body, media_type=_BYTES, headers=headers)


@answers_errors
async def download(request: Request) -> Response:
    """Send a table or figure of a finished exploration as an attachment."""
    project_id, exploration_id = _ids(request)
    name = str(request.path_params["name"])
    path = await run_in_threadpool(
        explorations.result_file, workspace_of(request), project_id, exploration_id, name
    )
    return FileResponse(
        path,
        media_type=_BYTES,
        filename=f"exploration-{exploration_id}-{path.name}",
        headers={"Cache-Control": "private, no-store"},
    )


def points_version(found: explorations.Points) -> str:
    """Return what the content of `points` depends on, as the address names it."""
    return f"{found.label_rev}-{found.run_id or 0}"


def points_table(workspace: Workspace, project_id: int, found: explorations.Points) -> bytes:
    """Return the points as one table: a JSON header, then its columns (see `_table`)."""
    called = exploration_maps.names(workspace, project_id, [int(i) for i in found.sample_ids])
    content = b"".join(bytes.fromhex(name.sha256[:16]) for name in called)
    scored = found.run_id is not None
    issue = np.where(scored, found.is_issue, NOT_SCORED)
    return _table(
        [name.file_name for name in called],
        {
            "id": ("f8", found.sample_ids),  # whole numbers up to 2**53, as JavaScript has them
            "given": ("i4", found.given),
            "suggested": ("i4", found.suggested),
            "current": ("i4", found.current),
            "true": ("i4", found.true),
            "clean": ("f4", found.clean_probability),
            "issue": ("u1", issue),
            "sha": ("u1", np.frombuffer(content, np.uint8).reshape(-1, 8)),
        },
    )


def _table(names: list[str], columns: dict[str, tuple[str, NDArray[np.generic]]]) -> bytes:
    """Join a length (u32), a JSON header, and columns that each begin at a multiple of 8 bytes."""
    described = [
        [name, kind, int(values.shape[1]) if values.ndim > 1 else 1]
        for name, (kind, values) in columns.items()
    ]
    header = json.dumps({"number": len(names), "names": names, "columns": described}).encode()
    parts = [_padded(len(header).to_bytes(4, "little") + header)]
    parts += [_padded(values.astype(_KINDS[kind]).tobytes()) for kind, values in columns.values()]
    return b"".join(parts)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def _ids(request: Request) -> tuple[int, int]:
    return int(request.path_params["project_id"]), int(request.path_params["exploration_id"])
