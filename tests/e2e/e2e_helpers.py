"""What the browser tests do again and again."""

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
