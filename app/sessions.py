"""Browser sessions: signed cookies, and the name chosen in each.

Every browser gets a signed cookie with the page; `/api/*` answers only to that cookie. It holds a
random id; the reviewer's name belonging to it is kept in the home folder, so that it survives a
reload and a restart.
"""

import getpass
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from turn_core.errors import DataError, StoreError
from turn_core.types.reviewing import Claimant

DEFAULT_REVIEWER = "reviewer"
MAX_NAME = 60
_MAX_SESSIONS = 1000
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_lock = threading.Lock()


def clean_name(name: str) -> str:
    """Return `name` without surrounding blanks.

    Raises:
        DataError: it is empty, longer than 60 characters, or holds control characters.
    """
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise DataError(f"a reviewer's name has 1 to {MAX_NAME} printable characters; change it")
    return name


def default_reviewer() -> str:
    """Return the name of the account that runs the server, or `reviewer` where there is none."""
    try:
        return clean_name(getpass.getuser())
    except (OSError, KeyError, DataError):
        return DEFAULT_REVIEWER


class Sessions:
    """Signed session cookies and the reviewer's name of each, below one home folder."""

    def __init__(self, home: Path) -> None:
        self._names_file = home / "reviewers.json"
        self._signed_in: dict[str, str] = {}
        self._secret = _read_or_make_secret(home / "secret")
        # Cookies ignore the port: two servers on one machine must not overwrite each other's.
        self.cookie = "turn_session_" + hashlib.sha256(b"name" + self._secret).hexdigest()[:8]

    def issue(self) -> str:
        """Return a new cookie value: a random id and its signature."""
        session_id = secrets.token_urlsafe(16)
        return f"{session_id}.{self._sign(session_id)}"

    def session_id(self, cookies: Mapping[str, str]) -> str | None:
        """Return the id of a genuine cookie among `cookies`, or None."""
        session_id, _, signature = cookies.get(self.cookie, "").partition(".")
        if not _SESSION_ID.fullmatch(session_id):
            return None
        genuine = hmac.compare_digest(signature.encode(), self._sign(session_id).encode())
        return session_id if genuine else None

    def sign_in(self, session_id: str, name: str | None) -> None:
        """Note who signed in with this session; None: nobody. It is forgotten with the process."""
        if name is None:
            self._signed_in.pop(session_id, None)
        else:
            self._signed_in[session_id] = name

    def signed_in(self, session_id: str | None) -> str | None:
        """Return who signed in with this session."""
        return self._signed_in.get(session_id or "")

    def reviewer(self, session_id: str | None) -> str:
        """Return who signed in with this session, else the name chosen in it, or the default."""
        if (name := self.signed_in(session_id)) is not None:
            return name
        chosen = self._names().get(session_id or "")
        return chosen or default_reviewer()

    def claimant(self, session_id: str | None, name: str | None = None) -> Claimant:
        """Return who has cards before them in this session: a name, in a browser."""
        browser = "" if session_id is None else hashlib.sha256(session_id.encode()).hexdigest()[:16]
        return Claimant(name or self.reviewer(session_id), browser)

    def set_reviewer(self, session_id: str, name: str) -> None:
        """Remember `name` for this session; the oldest of more than 1,000 sessions is dropped."""
        with _lock:
            names = self._names()
            names.pop(session_id, None)
            names[session_id] = clean_name(name)
            kept = dict(list(names.items())[-_MAX_SESSIONS:])
            partial = self._names_file.with_suffix(".part")
            with partial.open("w", encoding="utf-8") as file:
                json.dump(kept, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._names_file)

    def _sign(self, session_id: str) -> str:
        return hmac.new(self._secret, session_id.encode(), hashlib.sha256).hexdigest()

    def _names(self) -> dict[str, str]:
        if not self._names_file.exists():
            return {}
        try:
            names = json.loads(self._names_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StoreError(
                "reviewers.json in the home folder is damaged; delete it and reload the page"
            ) from error
        return {str(key): str(value) for key, value in names.items()}


def _read_or_make_secret(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes()
        if len(secret) < 32:
            raise StoreError(
                f"{path.name} in the home folder is damaged; delete it and start again"
            ) from None
        return secret
    with os.fdopen(handle, "wb") as file:
        secret = secrets.token_bytes(32)
        file.write(secret)
    return secret
