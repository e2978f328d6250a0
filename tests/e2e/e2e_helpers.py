"""What the browser tests do again and again."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def open_review(page: Page, server: Any, project_id: int) -> None:
    """Open the review page of a project by its address, and wait for the first card."""
    page.goto(f"{server.url}/review?project={project_id}")
    page.wait_for_selector(READY)
    expect(page.locator(".card")).to_have_attribute("data-position", "0")


def shown_position(page: Page) -> int:
    """The place in the queue, from 0, of the card that is shown; also the seeded sample number."""
    return int(page.locator(".card").get_attribute("data-position") or -1)


def wait_saved(page: Page, number: int) -> None:
    """Wait until this many decisions were acknowledged and the next card stands."""
    expect(page.locator(".card")).to_have_attribute("data-saved", str(number), timeout=20_000)


def go_to(page: Page, title: str) -> None:
    """Open a page by its link in the sidebar."""
    links = page.get_by_test_id("stSidebarNavItems")
    links.get_by_role("link", name=title, exact=True).click()
    page.wait_for_selector(READY)


def download(page: Page, name: str, folder: Path) -> Path:
    """Make an export of this format on the Export page, and fetch its file."""
    before = page.locator(".turn-table tbody tr").count()
    page.locator(f".st-key-export_{name} button").click()
    rows = page.locator(".turn-table tbody tr")
    expect(rows).to_have_count(before + 1, timeout=120_000)
    with page.expect_download() as started:
        rows.first.get_by_role("link").click()
    target = folder / started.value.suggested_filename
    started.value.save_as(target)
    return target


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_web(port: int, environ: dict[str, str], log_file: Path) -> "subprocess.Popen[bytes]":
    """Start the app and wait until it answers."""
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "serve.py", "--server.port", str(port)],
            cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            with opener.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return process
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log_file.read_text()
            time.sleep(0.2)
    raise AssertionError(f"the app did not start: {log_file.read_text()}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process that a test started, and wait for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
