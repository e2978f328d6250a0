"""What the browser tests do again and again."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 240_000
"""A browser test waits so long for anything; on a busy machine a page takes its time."""
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def open_review(page: Page, server: Any, project_id: int) -> None:
    """Open the review page of a project by its address, and wait for the first card."""
    page.goto(f"{server.url}/review?project={project_id}")
    page.wait_for_selector(READY)
    expect(page.locator(".card")).to_have_attribute("data-position", "0")


def expect_position(page: Page, place: int) -> None:
    """Wait for the card at this place of the queue, from 0; also the seeded sample number."""
    expect(page.locator(".card")).to_have_attribute("data-position", str(place))


def expect_sample(page: Page, sample_id: int) -> None:
    """Wait for the card of this sample."""
    expect(page.locator(".card")).to_have_attribute("data-sample", str(sample_id))


def until(page: Page, holds: Callable[[], object], what: str) -> None:
    """Wait for what neither an element nor the address of the page tells."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < end, f"not in time: {what}"
        page.wait_for_timeout(50)


def wait_saved(page: Page, number: int) -> None:
    """Wait until this many decisions were acknowledged and the next card stands."""
    expect(page.locator(".card")).to_have_attribute("data-saved", str(number))


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
    expect(rows).to_have_count(before + 1)
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
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        try:
            with opener.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=20):
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
            process.wait()
