"""Where two vote on every card, the card says what became of a vote and shows the others'."""

import uuid

import pytest
from e2e_helpers import open_review, wait_saved
from playwright.sync_api import Page, expect
from seeding import seed_project, seed_run

from turn_core.services import audits, review, samples, votes
from turn_core.types import Action, DecisionRequest, ReviewSettings

pytestmark = pytest.mark.browser


@pytest.fixture
def project(server):
    """Ann has voted on the first two cards."""
    name, workspace = f"votes {uuid.uuid4()}", server.workspace
    project_id = seed_project(workspace, num_samples=20, num_images=5, name=name)
    settings = ReviewSettings(audit_share=0, overlap=2)
    audits.set_settings(workspace, project_id, settings, actor="ann")
    seed_run(workspace, project_id, num_issues=9)
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    requests = [
        DecisionRequest(sample_id=sample_id, version=0, action=action, idem_key=uuid.uuid4().hex)
        for sample_id, action in zip(ids, (Action.KEEP, Action.EXCLUDE))
    ]
    review.record(workspace, project_id, requests, actor="ann")
    return project_id


def test_the_card_tells_what_became_of_a_vote(server, project, page: Page):
    open_review(page, server, project)
    for number, text in enumerate(("all agree", "reviewers disagree", "Vote saved ·"), 1):
        page.keyboard.press("q")
        wait_saved(page, number)
        expect(page.locator(".js-save")).to_contain_text(text)
    page.keyboard.press("Control+z")
    wait_saved(page, 4)
    expect(page.locator(".js-save")).to_contain_text("Vote taken back")
    page.keyboard.press("q")
    wait_saved(page, 5)
    page.keyboard.press("h")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".js-decided")).to_contain_text("Your vote: Kept")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".js-events")).to_contain_text("ann voted: excluded")
    (agreed,) = review.ledger(server.workspace, project)
    assert agreed.actor.startswith("agreement of ann, ")
    assert votes.conflicts(server.workspace, project).total == 1
