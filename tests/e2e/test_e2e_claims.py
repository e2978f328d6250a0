"""Two reviewers in two browsers: no image is before both, and who leaves gives theirs back."""

import uuid

import pytest
from e2e_helpers import PATIENCE_MS, expect_sample, go_to, open_review, until, wait_saved
from playwright.sync_api import Browser, Page, expect
from seeding import seed_project, seed_run
from sqlalchemy import text

from turn_core.services import review, samples

pytestmark = pytest.mark.browser


@pytest.fixture
def project(server):
    project_id = seed_project(
        server.workspace, num_samples=200, num_images=20, name=f"two {uuid.uuid4()}"
    )
    seed_run(server.workspace, project_id, num_issues=90)
    return project_id


@pytest.fixture
def other(browser: Browser):
    """The page of somebody else."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def num_claims(server, project_id) -> int:
    query = text("SELECT count(*) FROM claim WHERE project_id = :project")
    with server.workspace.reading() as session:
        return int(session.execute(query, {"project": project_id}).scalar_one())


def test_two_browsers_see_different_images(server, project, page: Page, other: Page):
    open_review(page, server, project)
    open_review(other, server, project)
    for key in "qqeqnqqqsq":
        page.keyboard.press(key)
        other.keyboard.press(key)
    wait_saved(page, 10)
    wait_saved(other, 10)
    events = review.ledger(server.workspace, project)
    assert len({event.sample_id for event in events}) == 20


@pytest.mark.parametrize("way", ["close", "another page"])
def test_who_leaves_gives_the_images_back_at_once(server, project, page, other, way):
    first = int(samples.label_snapshot(server.workspace, project).sample_ids[0])
    open_review(page, server, project)
    expect_sample(page, first)
    if way == "close":
        page.goto("about:blank")
        until(page, lambda: not num_claims(server, project), "what is sent on leaving")
    else:
        with page.expect_response("**/claims/release"):
            go_to(page, "Data")
    open_review(other, server, project)
    expect_sample(other, first)


def test_queue_that_somebody_else_has_on_screen_says_so(server, page: Page, other: Page):
    project = seed_project(server.workspace, num_samples=8, name=f"few {uuid.uuid4()}")
    seed_run(server.workspace, project, num_issues=4)
    open_review(page, server, project)
    other.goto(f"{server.url}/review?project={project}")
    expect(other.locator(".finish")).to_contain_text("somebody else has on screen")
