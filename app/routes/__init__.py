"""Our own HTTP routes below `/api/`: images, uploads, exports, and the review queue.

No path of the server ever comes from a client: only ids and upload tokens do.
"""

import streamlit as st
from starlette.routing import BaseRoute, Route

from app.routes import explorations, exports, images, ledger, review, samples, uploads


def base_path() -> str:
    """Return the path in front of all routes: empty, or `/name` with server.baseUrlPath."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def api_routes() -> list[BaseRoute]:
    """Return all routes, below the server's base path."""
    project = f"{base_path()}/api/projects/{{project_id:int}}"
    sample = f"{project}/samples/{{sample_id:int}}"
    exploration = f"{project}/explorations/{{exploration_id:int}}"
    upload = f"{base_path()}/api/uploads"
    return [
        Route(f"{sample}/thumb", images.thumb),
        Route(f"{sample}/preview", images.preview),
        Route(f"{sample}/history", samples.history),
        Route(f"{project}/queue", review.queue),
        Route(f"{project}/queue/counts", review.counts),
        Route(f"{project}/queue/selection", review.selection),
        Route(f"{project}/batches/{{key}}/undo", review.undo_batch, methods=["POST"]),
        Route(f"{project}/batches/{{key}}/redo", review.redo_batch, methods=["POST"]),
        Route(f"{project}/claims/release", review.release, methods=["POST"]),
        Route(f"{project}/decisions", review.decide, methods=["POST"]),
        Route(f"{project}/ledger.csv", ledger.as_csv),
        Route(f"{project}/ledger.parquet", ledger.as_parquet),
        Route(f"{project}/votes.csv", ledger.votes_as_csv),
        Route(f"{project}/votes.parquet", ledger.votes_as_parquet),
        Route(f"{project}/exports/{{export_id:int}}", exports.download),
        Route(f"{exploration}/points", explorations.points),
        Route(f"{exploration}/panels/{{index:int}}/{{name}}", explorations.panel),
        Route(f"{exploration}/files/{{name}}", explorations.download),
        Route(upload, uploads.create, methods=["POST"]),
        Route(f"{upload}/{{token}}", uploads.received, methods=["GET"]),
        Route(f"{upload}/{{token}}", uploads.append, methods=["PUT"]),
        Route(f"{upload}/{{token}}/finish", uploads.finish, methods=["POST"]),
        Route(f"{upload}/{{token}}", uploads.discard, methods=["DELETE"]),
    ]
