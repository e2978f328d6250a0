"""The Quality page in a real browser: charts, the slider, and a click that leads to a queue."""

import pytest
from e2e_helpers import READY
from playwright.sync_api import Page, expect
from quality_seeding import seed_quality

pytestmark = pytest.mark.browser


def test_quality_page_leads_from_a_pair_to_its_queue(fresh_server, page: Page, look):
    project_id, _ = seed_quality(fresh_server.workspace, decided=60, audited=30)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{fresh_server.url}/quality?project={project_id}")
    page.wait_for_selector(READY)
    expect(page.get_by_text("How many labels are wrong")).to_be_visible()
    for name in ("wrong labels found in 60 reviews", "Histogram of the losses"):
        expect(page.get_by_role("img", name=name)).to_be_visible(timeout=30_000)
    look(page, "quality")

    slider = page.get_by_role("slider", name="Threshold τ")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("To review", exact=True)).to_be_visible()
    page.wait_for_selector(READY)

    cell = page.get_by_role("button", name="given cat, probably dog", exact=False).first
    cell.click()
    page.wait_for_url("**/review*")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    assert "kind=pair" in page.url
    assert failures == []
