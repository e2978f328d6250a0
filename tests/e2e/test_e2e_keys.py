"""The keyboard map of the review page: its sheet, own keys, switches, undo and redo."""

import uuid

import pytest
from e2e_helpers import expect_position, open_review, wait_saved
from playwright.sync_api import Page, expect
from seeding import seed_project, seed_run

from turn_core.services import projects, review, samples

pytestmark = pytest.mark.browser


@pytest.fixture
def project(server):
    project_id = seed_project(
        server.workspace, num_samples=40, num_images=20, name=f"keys {uuid.uuid4()}"
    )
    seed_run(server.workspace, project_id, num_issues=30)
    return project_id


def actions(server, project_id):
    return [event.action for event in review.ledger(server.workspace, project_id)]


def class_name(server, project_id, number):
    """The current class of the sample at this place of the queue."""
    ids = samples.label_snapshot(server.workspace, project_id).sample_ids
    sample = samples.get_sample(server.workspace, project_id, int(ids[number]))
    names = {info.class_id: info.name for info in projects.classes(server.workspace, project_id)}
    return names[sample.current_class_id]


def change_key(page: Page, meaning: str, key: str) -> None:
    page.get_by_role("button", name=f"{meaning}:").click()
    page.keyboard.press(key)


def test_own_key_works_shows_everywhere_and_outlives_a_reload(server, project, page: Page, look):
    open_review(page, server, project)
    page.keyboard.press("?")
    change_key(page, "Keep the given label", "k")
    look(page, "review_own_key")
    page.keyboard.press("Escape")
    expect(page.locator(".js-body [data-do=keep] kbd")).to_have_text("K")
    open_review(page, server, project)
    page.keyboard.press("q")  # means nothing now
    page.keyboard.press("k")
    wait_saved(page, 1)
    assert actions(server, project) == ["keep"]


def test_key_that_is_taken_or_reserved_is_refused_and_reset_brings_back(server, project, page):
    open_review(page, server, project)
    page.keyboard.press("?")
    said = page.locator(".said")
    change_key(page, "Keep the given label", "e")
    expect(said).to_contain_text("E already means “Exclude")
    change_key(page, "Keep the given label", "Control+t")
    expect(said).to_contain_text("needed by the browser")
    change_key(page, "Keep the given label", "k")
    expect(said).to_be_empty()
    page.get_by_role("button", name="Reset all keys").click()
    page.keyboard.press("Escape")
    page.keyboard.press("q")
    wait_saved(page, 1)


def test_keys_belong_to_the_reviewer_who_chose_them(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("?")
    change_key(page, "Keep the given label", "k")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="person").click()
    page.get_by_role("textbox", name="Reviewer").fill("ben")
    page.keyboard.press("Enter")
    expect(page.locator(".js-body [data-do=keep] kbd")).to_have_text("Q")


def test_undo_and_redo_walk_back_and_forth_over_cards(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.type("wen")
    wait_saved(page, 3)
    for count in (4, 5):
        page.keyboard.press("Control+z")
        wait_saved(page, count)
    expect_position(page, 1)
    for count in (6, 7):
        page.keyboard.press("Control+Shift+z")
        wait_saved(page, count)
    expect_position(page, 3)
    expected = ["relabel", "exclude", "needs_review", "undo", "undo", "exclude", "needs_review"]
    assert actions(server, project) == expected
    page.keyboard.press("Control+Shift+z")
    expect(page.locator(".note")).to_contain_text("Nothing to redo")


def test_new_decision_ends_what_can_be_redone(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("e")
    page.keyboard.press("Control+z")
    page.keyboard.press("q")
    page.keyboard.press("Control+y")
    wait_saved(page, 3)
    assert actions(server, project) == ["exclude", "undo", "keep"]


def test_card_stays_where_going_on_is_switched_off(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.type("ae")
    wait_saved(page, 1)
    expect_position(page, 0)
    expect(page.locator(".decided")).to_contain_text("Excluded")
    page.keyboard.press("ArrowRight")
    expect_position(page, 1)


def test_digits_in_fixed_order_follow_the_names(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("o")
    labels = page.locator(".classes .label")
    expect(labels).to_have_text(["cat", "dog", "fox", "owl"])
    page.keyboard.press("3")
    wait_saved(page, 1)
    assert class_name(server, project, 0) == "fox"


def test_class_is_found_among_thousands_best_match_first(server, page: Page):
    names = [f"bird {n:04d}" for n in range(2000)] + ["blue jay", "jay", "Jägersperling"]
    project = seed_project(server.workspace, num_samples=8, class_names=names, name="birds")
    seed_run(server.workspace, project, num_issues=4)
    open_review(page, server, project)
    page.keyboard.press("/")
    page.keyboard.type("jay")
    options = page.locator(".js-options").get_by_role("option")
    expect(options.nth(0)).to_have_text("jay")
    expect(options.nth(1)).to_have_text("blue jay")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("jager")  # as a keyboard without umlauts has it
    expect(options.nth(0)).to_have_text("Jägersperling")
    page.keyboard.press("Enter")
    wait_saved(page, 1)
    assert class_name(server, project, 0) == "Jägersperling"


def test_letters_in_the_class_search_are_no_commands(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("/")
    page.keyboard.type("qwens")
    expect(page.locator(".options")).to_contain_text("No class has this name")
    page.keyboard.press("Escape")
    assert actions(server, project) == []
    page.keyboard.press("q")
    wait_saved(page, 1)
