"""Launcher of the web app: `streamlit run serve.py` (or `uvicorn serve:app`).

It opens the workspace, adds our own routes below `/api/` and the security headers. The worker,
which computes, is another process: `python -m turn_core worker`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from app import resources  # noqa: E402 - the root must be importable first
from app.routes import api_routes  # noqa: E402
from app.routes.security import Shield  # noqa: E402
from app.views.told import unexpected  # noqa: E402


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Migrate the store before the first visitor; then settle the imports."""
    await to_thread.run_sync(resources.workspace)
    await to_thread.run_sync(resources.sessions)
    resources.freeze_imports()
    yield


app = st.App(
    ROOT / "app" / "main.py",
    routes=api_routes(),
    middleware=[Middleware(Shield)],
    lifespan=lifespan,
    on_script_error=unexpected,
)
