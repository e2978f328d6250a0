"""A workspace: the home folder with its database. Services take it as their first argument."""

import copy
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from turn_core.config import Settings
from turn_core.durable import atomic_write
from turn_core.errors import StoreError
from turn_core.store import engine as engines
from turn_core.store import home, members, visibility
from turn_core.store.files import Files
from turn_core.store.migrate import migrate

T = TypeVar("T")
ATTEMPTS = 6
"""How often a transaction is tried when the database asks to try again."""


class Workspace:
    """Settings, files and database. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.files = Files(settings.home)
        self.engine: Engine = engines.open_engine(settings)
        self._reading_engine = engines.reading_engine(self.engine)
        self.whole: Workspace = self
        self._reader: str | None = None

    def seen_by(self, reader: str) -> "Workspace":
        """Return the workspace as a person sees it: what is read comes from projects of theirs.

        For services that read, a project in which the person has no role does not exist. What
        they may change is asked in every service (`permissions`). `whole` is the original, which
        alone is closed.
        """
        seen = copy.copy(self)
        seen._reader = reader
        return seen

    def sees(self, project_id: int) -> bool:
        """Say whether what is read here may come from this project."""
        if self._reader is None:
            return True
        with self.whole.reading() as session:
            seen = members.projects_seen(session, self._reader)
        return seen is None or project_id in seen

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a read-only transaction that sees one moment, whoever writes meanwhile.

        Raises:
            TurnError: the database failed; the sentence says what to do.
        """
        with _told(), Session(self._reading_engine) as session, session.begin():
            if self._reader is not None:
                seen = members.projects_seen(session, self._reader)
                if seen is not None:
                    visibility.restrict(session, seen)
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that commits at the end (SQLite: BEGIN IMMEDIATE).

        Work that competes with others belongs into `write`, which tries again.

        Raises:
            TurnError: the database failed; nothing was changed.
        """
        with _told(), Session(self.engine) as session, session.begin():
            yield session

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work(session)` in a transaction; again when the database asks for it.

        `work` must change nothing but the database.

        Raises:
            TurnError: the database failed; nothing was changed.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with Session(self.engine) as session, session.begin():
                    return work(session)
            except DBAPIError as error:
                if attempt == ATTEMPTS or not engines.is_transient(error):
                    raise _translated(error) from error
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_workspace(settings: Settings) -> Workspace:
    """Open the workspace of the settings; make or upgrade its database.

    Raises:
        ConfigError: the database URL is not supported.
        StoreError: the database is unusable, of a newer version, or not that of the home folder.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(settings)
    try:
        with _told():
            migrate(workspace.engine, backups=workspace.files.backups)
        _tie(workspace)
    except BaseException:
        workspace.close()
        raise
    return workspace


def _tie(workspace: Workspace) -> None:
    """Tie the home folder to its database.

    With another database, one variable forgotten, all images would be swept as used by nobody.
    """
    identity, path = workspace.write(home.identity), workspace.files.database_id
    if not path.exists():
        atomic_write(path, identity.encode())
    elif path.read_text(encoding="utf-8").strip() != identity:
        raise StoreError(
            f"the files in {workspace.settings.home} belong to another database: set "
            "TURN_DATABASE_URL as it was, or TURN_HOME to another folder (where they do belong "
            f"together, delete {path.name} there)"
        )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _translated(error) from error


def _translated(error: DBAPIError) -> Exception:
    # A broken constraint is for the service to explain: it knows what was asked.
    return error if isinstance(error, IntegrityError) else engines.as_turn_error(error)
