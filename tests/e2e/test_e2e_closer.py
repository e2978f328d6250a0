"""A closer look at an image: zoom, its nearest images at its side, its epochs and decisions."""

import uuid

import pytest
from e2e_helpers import expect_position, open_review, wait_saved
from playwright.sync_api import Page, expect
from seeding import seed_project, seed_run

pytestmark = pytest.mark.browser


@pytest.fixture
def card(server, page: Page):
    project_id = seed_project(server.workspace, num_samples=12, name=f"closer {uuid.uuid4()}")
    seed_run(server.workspace, project_id, num_issues=6)
    open_review(page, server, project_id)
    return page


def test_keys_and_wheel_zoom_dragging_moves_and_the_next_card_starts_whole(card: Page):
    card.keyboard.press("+")
    expect(card.locator(".js-zoom")).to_have_text("1.4×")
    box = card.locator(".frame").bounding_box()
    card.mouse.move(box["x"] + 50, box["y"] + 50)
    card.mouse.wheel(0, -400)
    expect(card.locator(".js-zoom")).not_to_have_text("1.4×")
    before = card.locator(".js-image").get_attribute("style")
    card.mouse.down()
    card.mouse.move(box["x"] + 150, box["y"] + 120, steps=3)
    card.mouse.up()
    expect(card.locator(".js-image")).not_to_have_attribute("style", before)
    card.keyboard.press("ArrowRight")
    expect(card.locator(".js-zoom")).to_be_empty()
    expect_position(card, 1)


def test_nearest_images_stay_at_the_side_from_card_to_card(card: Page, look):
    card.keyboard.press("c")
    expect(card.locator(".beside li")).to_have_count(5)
    card.keyboard.press("q")
    wait_saved(card, 1)
    expect(card.locator(".beside li").first).to_be_visible()
    look(card, "review_compare")
    card.keyboard.press("c")
    expect(card.locator(".beside")).to_be_hidden()


def test_history_shows_every_epoch_and_every_decision(card: Page, look):
    card.keyboard.type("w")
    wait_saved(card, 1)
    card.keyboard.press("ArrowLeft")
    card.keyboard.press("h")
    expect(card.locator(".epochs circle")).to_have_count(3)
    expect(card.locator(".epochs")).to_have_attribute("aria-label", "Clean probability after each"
        " epoch: 0.04, 0.05, 0.05. The cut is 0.6.")  # fmt: skip
    expect(card.locator(".events")).to_contain_text("relabeled: cat → dog")
    look(card, "review_history")
    card.keyboard.press("ArrowRight")
    expect(card.locator(".events")).to_contain_text("Nobody has decided this image yet")
