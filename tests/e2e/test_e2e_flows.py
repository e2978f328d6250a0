"""The whole way of a person, from the first visit to the exported file, with a real worker."""

import csv
from pathlib import Path

import pytest
from e2e_helpers import READY, download, go_to, wait_saved
from playwright.sync_api import Page, expect

from turn_core.services import projects, review, runs

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def test_demo_from_first_visit_to_export(fresh_server, worker, page: Page, look, tmp_path: Path):
    page.goto(fresh_server.url)
    expect(page.get_by_role("heading", name="Find the wrong labels")).to_be_visible()
    look(page, "overview_welcome")
    page.get_by_role("button", name="Try the demo").click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    expect(page.locator(".grid li")).to_have_count(60)
    look(page, "data_browse")

    go_to(page, "Overview")
    look(page, "overview_imported")
    page.get_by_role("button", name="Configure and start").click()
    page.get_by_text("Advanced").click()
    epochs = page.get_by_role("spinbutton", name="Fine-tuning epochs")
    epochs.fill("1")
    epochs.press("Enter")
    look(page, "runs_form")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    look(page, "runs_live")
    expect(page.get_by_text("Round 1 in detail")).to_be_visible()
    look(page, "runs_done")

    go_to(page, "Review")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    look(page, "review")
    for key in "wqw1en":
        page.keyboard.press(key)
    wait_saved(page, 6)
    look(page, "review_after")
    (project,) = projects.list_projects(fresh_server.workspace)
    events = review.ledger(fresh_server.workspace, project.project_id)
    assert [event.action for event in events][-2:] == ["exclude", "needs_review"]

    go_to(page, "Overview")
    look(page, "overview_reviewed")
    go_to(page, "Export")
    file = download(page, "csv", tmp_path)
    look(page, "export")
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == project.num_samples
    by_id = {int(row["sample_id"]): row for row in rows}
    for event in events:
        assert by_id[event.sample_id]["action"] == event.action.value
    run = runs.latest_complete_run(fresh_server.workspace, project.project_id)
    assert run is not None
    assert {row["run_id"] for row in rows} == {str(run.run_id)}


def test_cancel_ends_a_run_and_says_so(fresh_server, worker, page: Page):
    page.goto(fresh_server.url)
    page.get_by_role("button", name="Try the demo").click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    go_to(page, "Runs")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    (project,) = projects.list_projects(fresh_server.workspace)
    (run,) = runs.list_runs(fresh_server.workspace, project.project_id)
    assert run.state == "cancelled"


def test_import_goes_on_after_a_reload(fresh_server, worker, page: Page):
    page.goto(fresh_server.url)
    page.get_by_role("button", name="Try the demo").click()
    page.wait_for_url("**/data*")
    page.reload()
    page.wait_for_selector(READY)
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
