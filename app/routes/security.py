"""Security at the HTTP edge: headers for every answer, and who may call `/api/*`."""

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import resources, sign_in

_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_YEAR = 365 * 24 * 3600
_CSP = (
    "default-src 'self'; script-src 'self' blob: {inline}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self' blob: {sockets}; font-src 'self' data:; "
    "worker-src 'self' blob:; frame-src 'none'; frame-ancestors 'none'; base-uri 'self'; "
    "form-action 'self'; object-src 'none'"
)
"""Components are loaded from `blob:` scripts; no page may load anything from elsewhere."""
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Shield:
    """ASGI middleware: host and origin checks, session cookie, strict headers.

    A browser gets the cookie with the page. A call below `/api/` must carry it; one that changes
    something must also come from our own origin and carry the header `X-Turn-Audit: 1`, which no
    other site can send without our consent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request itself; pass any other on and add headers to the answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal = _refusal(connection)
        if refusal is None:
            sender = send if scope["type"] == "websocket" else _headed(connection, send)
            await self._app(scope, receive, sender)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            answer = JSONResponse({"error": refusal[1]}, status_code=refusal[0])
            await answer(scope, receive, _headed(connection, send))


def host_allowed(host: str) -> bool:
    """Say whether the Host header is one of `server.allowedHosts` (an empty list allows all)."""
    if not _HOST.fullmatch(host):
        return False
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    allowed: list[str] = st.get_option("server.allowedHosts") or []
    return not allowed or "*" in allowed or name.lower().strip("[]") in allowed


def _refusal(connection: HTTPConnection) -> tuple[int, str] | None:
    """Return status and sentence of a refusal, or None for a call that may pass."""
    headers = connection.headers
    host = headers.get("host", "")
    if not host_allowed(host):
        return 400, "this server does not answer to that host name; see server.allowedHosts"
    changes = connection.scope["type"] == "websocket" or (
        connection.scope["method"] not in _SAFE_METHODS
    )
    if changes and not _same_origin(headers, host):
        return 403, "this request comes from another site"
    if "/api/" not in connection.scope["path"]:
        return None
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return 403, "this request comes from another site"
    if changes and headers.get("x-turn-audit") != "1":
        return 403, "the header X-Turn-Audit: 1 is missing"
    sessions = resources.sessions()
    session_id = sessions.session_id(connection.cookies)
    if session_id is None:
        return 401, "this browser has no session here; open the page again"
    if sign_in.required() and sessions.signed_in(session_id) is None:
        return 401, "nobody is signed in with this browser; open the page again"
    return None


def _same_origin(headers: Headers, host: str) -> bool:
    """Accept a call from our own pages, and from a program that sends no Origin at all."""
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:  # not even an address
        return False


def _headed(connection: HTTPConnection, send: Send) -> Send:
    sessions = resources.sessions()
    known = sessions.session_id(connection.cookies) is not None
    host = connection.headers.get("host", "")
    sockets = f"ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    secure = connection.url.scheme == "https"

    async def send_headed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _CSP.format(
                sockets=sockets, inline=_inline_hashes()
            )
            headers["X-Content-Type-Options"] = "nosniff"
            headers["X-Frame-Options"] = "DENY"
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            if not known and _is_page(connection, message["status"], headers):
                flags = f"Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Strict"
                flags += "; Secure" if secure else ""
                headers.append("Set-Cookie", f"{sessions.cookie}={sessions.issue()}; {flags}")
        await send(message)

    return send_headed


def _is_page(connection: HTTPConnection, status: int, headers: MutableHeaders) -> bool:
    """Recognise the page itself, also where the browser has it and only asks whether it holds."""
    if status == 304:
        return "text/html" in connection.headers.get("accept", "")
    return headers.get("content-type", "").startswith("text/html")


@lru_cache(maxsize=1)
def _inline_hashes() -> str:
    """Return the hashes of the scripts in Streamlit's own page, so that these alone may run."""
    page = Path(st.__file__).parent / "static" / "index.html"
    scripts = _INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
