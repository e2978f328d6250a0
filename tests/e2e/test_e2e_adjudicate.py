"""Conflicts are settled by keyboard, and the last one is taken back, in Chromium."""

import uuid

import pytest
from e2e_helpers import READY
from playwright.sync_api import Page, expect
from seeding_votes import seed_votes

from turn_core.services import review, votes
from turn_core.types import Action

pytestmark = pytest.mark.browser


def test_conflicts_are_settled_by_keys_and_taken_back(server, page: Page, look):
    project = seed_votes(server.workspace, name=f"votes {uuid.uuid4()}")
    first, second = (
        found.sample.sample_id for found in votes.conflicts(server.workspace, project).conflicts
    )
    page.goto(f"{server.url}/adjudicate?project={project}")
    page.wait_for_selector(READY)
    card = page.locator(".adjudication")
    expect(card).to_have_attribute("data-sample", str(first))
    look(page, "adjudicate")
    page.keyboard.press("ArrowRight")
    expect(card).to_have_attribute("data-sample", str(second))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("2")
    expect(card).to_have_attribute("data-sample", str(second))
    expect(card).to_contain_text("Settled")
    last = review.ledger(server.workspace, project)[-1]
    assert (last.sample_id, last.action, last.queue) == (first, Action.RELABEL, "adjudication")
    page.get_by_role("button", name="Undo").click()
    expect(card).to_contain_text("1 of 2")
    page.keyboard.press("e")
    expect(card).to_contain_text("1 of 1")
