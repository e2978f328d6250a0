"""The app on an empty home folder: pages through AppTest, routes through a test client."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import auth, resources
from turn_core.services import jobs
from turn_core.services.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240
"""Seconds that a page may take: on a busy machine it does."""
OpenPage = Callable[[str], AppTest]


@pytest.fixture
def home(tmp_path: Path, blank_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with an empty database, that the app finds through the environment."""
    (tmp_path / "home").mkdir()
    shutil.copy(blank_database, tmp_path / "home")
    monkeypatch.setenv("TURN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TURN_DATA_ROOTS", "")
    monkeypatch.setenv("TURN_DATABASE_URL", "")
    return tmp_path / "home"


@pytest.fixture
def app_workspace(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace that the app uses, with a worker that seems to live."""
    opened = resources.workspace()
    monkeypatch.setattr(auth, "cookies", dict)  # AppTest has no browser to send any
    jobs.beat_worker(opened, "test worker")
    yield opened
    opened.close()
    resources.forget()


@pytest.fixture
def open_page(app_workspace: Workspace) -> OpenPage:
    """A function that runs a page behind the entry, as a visitor would reach it."""

    def opened(name: str) -> AppTest:
        page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=PATIENCE).run()
        if name != "overview":
            page = page.switch_page(f"../pages/{name}.py").run()
        assert not page.exception
        return page

    return opened
