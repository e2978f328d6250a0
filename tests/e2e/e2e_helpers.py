"""What the browser tests do again and again."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

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
