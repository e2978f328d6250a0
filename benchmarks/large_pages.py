"""Every page of the app on a project of 100,000 samples: time, bytes, and the web process's memory.

    make bench NAME=large_pages ARGS="[--samples 100000] [--home DIR] [--loads 100] [--sessions 8]"

Each page is opened by its address in a Chromium whose cache holds the static files. Processor time
is that of the web process from the request until it has been idle for a moment; time is that until
the page stands still. Bytes are those that the browser received, by network and socket. Then page
loads in turn, each in a session of its own, and so many sessions at once. `--home` keeps the
seeded store for the next time.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import large_project
import psutil
from explorer_latency import Traffic
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from turn_core.config import Settings
from turn_core.services import projects, studies
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.types.exploring import EXPLORATION

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))

from e2e_helpers import READY, free_port, start_web, stop

CHROMIUM = "/usr/bin/chromium"
HEAVY = ("torch", "sklearn", "scipy", "transformers", "umap")
IDLE_SECONDS = 0.6
Press = Callable[[Page], None]


def _part(title: str) -> Press:
    return lambda page: page.get_by_role("radio", name=title, exact=True).click()


PAGES: tuple[tuple[str, str, Press | None], ...] = (
    ("Overview", "", None),
    ("Data: images", "data", None),
    ("Data: classes", "data", _part("Classes")),
    ("Data: import report", "data", _part("Import report")),
    ("Data: project", "data", _part("Project")),
    ("Runs", "runs", None),
    ("Runs: comparison", "runs", _part("Compare methods")),
    ("Review", "review", None),
    ("Adjudicate", "adjudicate", None),
    ("Quality", "quality", None),
    ("Explore", "explore", None),
    ("Ledger", "ledger", None),
    ("Export", "export", None),
    ("People", "people", None),
)


def main() -> None:
    """Print the figures."""
    arguments = parse()
    print(f"machine: {harness.machine()}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="turn-pages-") as folder:
        home = arguments.home or Path(folder) / "home"
        project_id, opened = prepare(home, arguments.samples)
        environ = {**os.environ, "TURN_HOME": str(home), "TURN_DATABASE_URL": ""}
        port = free_port()
        web = start_web(port, environ, Path(folder) / "web.log")
        try:
            with sync_playwright() as playwright:
                flags = ["--no-sandbox", "--disable-dev-shm-usage"]
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
                address = f"http://127.0.0.1:{port}/{{}}?project={project_id}&exploration={opened}"
                print(json.dumps(measure(browser, address, web.pid, arguments), indent=2))
                browser.close()
        finally:
            stop(web)


def prepare(home: Path, num_samples: int) -> tuple[int, int]:
    """Seed a home folder, or find what was seeded; return the project and its exploration."""
    workspace: Workspace = open_workspace(Settings(home=home, database_url=""))
    try:
        known = projects.list_projects(workspace)
        if not known:
            project_id = large_project.seed(workspace, num_samples).project_id
        else:
            project_id = known[0].project_id
        made = studies.list_studies(workspace, EXPLORATION, project_id)
        return project_id, made[0].study_id
    finally:
        workspace.close()


def measure(
    browser: Browser, address: str, pid: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Open the pages, and then more of them; return the figures."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    visit(context, address, "", None)  # the static files are in the cache from now on
    resident = {"at the start": megabytes(pid)}
    pages = {
        title: [opened(context, address, path, press, pid) for _ in ("first", "again")]
        for title, path, press in PAGES
    }
    for number in range(1, arguments.loads + 1):
        visit(context, address, *PAGES[number % len(PAGES)][1:])
        if number in (20, arguments.loads):
            resident[f"after {number} page loads"] = megabytes(pid)
            print(json.dumps(resident), file=sys.stderr)
    sessions = [
        visit(context, address, *PAGES[number % len(PAGES)][1:], keep=True)
        for number in range(arguments.sessions)
    ]
    resident[f"with {len(sessions)} sessions"] = megabytes(pid)
    maps = Path(f"/proc/{pid}/maps").read_text()
    loaded = [name for name in HEAVY if f"site-packages/{name}/" in maps]
    return {"pages, first and again": pages, "web process, MB": resident, "loaded": loaded}


def visit(
    context: BrowserContext, address: str, path: str, press: Press | None, *, keep: bool = False
) -> Page:
    """Open a page in a session of its own."""
    page = context.new_page()
    page.goto(address.format(path))
    page.wait_for_selector(READY, timeout=120_000)
    if press is not None:
        press(page)
        page.wait_for_selector(READY, timeout=120_000)
    if not keep:
        page.close()
    return page


def opened(
    context: BrowserContext, address: str, path: str, press: Press | None, pid: int
) -> dict[str, float]:
    """Open a page in a session of its own; return what it took, and kilobytes received."""
    page = context.new_page()
    traffic = Traffic(context.new_cdp_session(page))
    cpu, start = cpu_seconds(pid), time.monotonic()
    page.goto(address.format(path))
    page.wait_for_selector(READY, timeout=120_000)
    if press is not None:
        press(page)
    seconds = time.monotonic() - start
    page.wait_for_timeout(300)
    page.wait_for_selector(READY, timeout=120_000)
    settle(page, pid)
    spent, received = cpu_seconds(pid) - cpu, traffic.take()["received"]
    page.close()
    found = {"cpu_s": round(spent, 2), "wall_s": round(seconds, 2)}
    return found | {"received_kb": round(received / 1000)}


def settle(page: Page, pid: int) -> None:
    """Wait until the web process has been idle for a moment."""
    quiet, before, end = 0.0, cpu_seconds(pid), time.monotonic() + 30
    while quiet < IDLE_SECONDS and time.monotonic() < end:
        page.wait_for_timeout(200)
        now = cpu_seconds(pid)
        quiet = quiet + 0.2 if now - before < 0.02 else 0.0
        before = now


def cpu_seconds(pid: int) -> float:
    """Return the processor time that the web process has used."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def megabytes(pid: int) -> float:
    """Return the resident size of the web process."""
    return round(psutil.Process(pid).memory_info().rss / 1e6, 1)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="keep the seeded store here")
    parser.add_argument("--loads", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
