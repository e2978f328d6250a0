"""What the whole process shares: the workspace and the sessions, one per home folder."""

import gc
from functools import lru_cache

from app.sessions import Sessions
from turn_core.config import Settings
from turn_core.services.workspace import Workspace, open_workspace


@lru_cache(maxsize=4)
def _workspace(settings: Settings) -> Workspace:
    return open_workspace(settings)


@lru_cache(maxsize=4)
def _sessions(settings: Settings) -> Sessions:
    return Sessions(settings.home)


def workspace() -> Workspace:
    """Return the workspace that the environment names, opened and migrated once per process."""
    return _workspace(Settings.from_env())


def sessions() -> Sessions:
    """Return the signed sessions of the same home folder."""
    return _sessions(Settings.from_env())


def forget() -> None:
    """Let go of what was opened, so that the next call opens it again (tests change homes)."""
    _workspace.cache_clear()
    _sessions.cache_clear()


@lru_cache(maxsize=1)
def freeze_imports() -> None:
    """Take everything imported so far out of garbage collection.

    Streamlit collects after every rerun; with the imports frozen that costs 1 ms in place of 120.
    """
    gc.collect()
    gc.freeze()
