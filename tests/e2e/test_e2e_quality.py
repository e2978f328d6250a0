"""The Quality page in a real browser: charts, the slider, and a click that leads to a queue."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from e2e_helpers import READY
from playwright.sync_api import Page, expect
from quality_seeding import seed_quality

pytestmark = pytest.mark.browser


def open_quality(page: Page, server, project_id: int) -> None:
    page.goto(f"{server.url}/quality?project={project_id}")
    page.wait_for_selector(READY)
    for name in ("wrong labels found in 60 reviews", "Histogram of the losses"):
        expect(page.get_by_role("img", name=name)).to_be_visible()
    expect(page.locator(".joint button").first).to_be_visible()


def test_quality_page_leads_from_a_pair_to_its_queue(fresh_server, page: Page, look):
    project_id, _ = seed_quality(fresh_server.workspace, decided=60, audited=30)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    open_quality(page, fresh_server, project_id)
    look(page, "quality")

    work = page.get_by_test_id("stMetric").filter(has_text="To review")
    before = work.inner_text()
    page.get_by_role("slider", name="Threshold τ").focus()
    page.keyboard.press("Home")
    expect(work).not_to_have_text(before, use_inner_text=True)
    page.wait_for_selector(READY)

    cell = page.get_by_role("button", name="given cat, probably dog", exact=False).first
    cell.click()
    page.wait_for_url("**/review*")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    assert "kind=pair" in page.url
    assert failures == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_charts_and_the_matrix(fresh_server, page: Page, scheme):
    project_id, _ = seed_quality(fresh_server.workspace, decided=60, audited=30)
    page.emulate_media(color_scheme=scheme)
    open_quality(page, fresh_server, project_id)
    found = [
        f"{rule['id']}: {node['target']} {node['html'][:120]}"
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if isinstance(node["target"][0], list)  # in the shadow tree of a component of ours
    ]
    assert found == []
