"""What the whole process shares: the workspace and the sessions, one per home folder."""

import gc
from functools import lru_cache

from app.sessions import Sessions
from turn_core.config import Settings
from turn_core.services import quality as quality_service
from turn_core.services import quality_classes, wrong_labels
from turn_core.services.quality import Quality
from turn_core.services.quality_classes import SecondOpinion
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.services.wrong_labels import WrongLabels


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


@lru_cache(maxsize=8)
def _quality(settings: Settings, project_id: int, run_id: int, label_rev: int) -> Quality:
    return quality_service.quality(_workspace(settings), project_id, run_id)


def quality(project_id: int, run_id: int, label_rev: int) -> Quality:
    """Return the numbers of a round, gathered once for each state of the labels."""
    return _quality(Settings.from_env(), project_id, run_id, label_rev)


@lru_cache(maxsize=8)
def _second_opinion(
    settings: Settings, project_id: int, run_id: int, label_rev: int
) -> SecondOpinion | None:
    return quality_classes.second_opinion(_workspace(settings), project_id, run_id)


def second_opinion(project_id: int, run_id: int, label_rev: int) -> SecondOpinion | None:
    """Return how confident learning sees a round, once for each state of the labels."""
    return _second_opinion(Settings.from_env(), project_id, run_id, label_rev)


@lru_cache(maxsize=32)
def _wrong(settings: Settings, project_id: int, run_id: int, label_rev: int) -> WrongLabels | None:
    return wrong_labels.wrong_labels(_workspace(settings), project_id)


def wrong(project_id: int, run_id: int, label_rev: int) -> WrongLabels | None:
    """Return the share of wrong labels, once for each state of the labels and latest round."""
    return _wrong(Settings.from_env(), project_id, run_id, label_rev)


def forget() -> None:
    """Let go of what was opened, so that the next call opens it again (tests change homes)."""
    _workspace.cache_clear()
    _sessions.cache_clear()
    _quality.cache_clear()
    _second_opinion.cache_clear()


@lru_cache(maxsize=1)
def freeze_imports() -> None:
    """Take everything imported so far out of garbage collection.

    Streamlit collects after every rerun; with the imports frozen that costs 1 ms in place of 120.
    """
    gc.collect()
    gc.freeze()
