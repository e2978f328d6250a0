"""The real app in a real Chromium: a server (and, where asked for, a worker) of the test's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from e2e_helpers import PATIENCE_MS, ROOT, free_port, start_web, stop
from playwright.sync_api import Browser, Page, expect, sync_playwright

from turn_core.config import Settings
from turn_core.services import jobs
from turn_core.services.workspace import Workspace, open_workspace

sys.path.insert(0, str(ROOT / "tests" / "app"))  # the seeding that the page tests use
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first that is there runs the tests; the shell does so with half the work."""
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class Server:
    """A running app; `workspace` opens the same home folder from the test."""

    url: str
    home: Path
    roots: Path
    workspace: Workspace
    process: "subprocess.Popen[bytes]"
    environ: dict[str, str]


Look = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"install Chromium ({' or '.join(BROWSERS)}) to run the browser tests")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser session, 1440 x 900."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One web app without a worker; tests that only review make projects of their own in it."""
    yield from running(tmp_path_factory.mktemp("shared"), worker_seen=True)


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A web app on an empty home folder."""
    yield from running(tmp_path, worker_seen=False)


@pytest.fixture
def worker(fresh_server: Server) -> Iterator[None]:
    """A real worker on the home folder of `fresh_server`."""
    yield from working(fresh_server)


@pytest.fixture(scope="session")
def working_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A web app with a worker, shared by the tests that import."""
    for server in running(tmp_path_factory.mktemp("working"), worker_seen=False):
        for _ in working(server):
            yield server


def working(server: Server) -> Iterator[None]:
    """Start a worker beside the server; stop it in the end."""
    with (server.home.parent / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "turn_core", "worker"],
            cwd=ROOT, env=server.environ, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    yield
    stop(process)


def running(folder: Path, *, worker_seen: bool) -> Iterator[Server]:
    """Start the web app on a free port and a home below `folder`; stop it in the end."""
    home, roots = folder / "home", folder / "roots"
    roots.mkdir()
    workspace = open_workspace(Settings(home=home, database_url=""))
    if worker_seen:
        jobs.beat_worker(workspace, "test")
    port = free_port()
    environ = {"OMP_NUM_THREADS": "1", **os.environ, "TURN_HOME": str(home)}
    environ |= {"TURN_DATABASE_URL": "", "TURN_DATA_ROOTS": str(roots), "HF_HUB_OFFLINE": "1"}
    process = start_web(port, environ, folder / "web.log")
    yield Server(f"http://127.0.0.1:{port}", home, roots, workspace, process, environ)
    stop(process)
    workspace.close()


@pytest.fixture
def look() -> Look:
    """Keep a screenshot in the folder that TURN_SCREENSHOTS names; do nothing without it."""
    folder = os.environ.get("TURN_SCREENSHOTS", "")

    def keep(page: Page, name: str) -> None:
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        for width in (1440, 900):
            for scheme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.wait_for_timeout(500)
                page.screenshot(path=f"{folder}/{name}_{width}_{scheme}.png")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")

    return keep
