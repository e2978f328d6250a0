"""The queue bar in a real browser: filters that combine, live counts, queues by address."""

import uuid

import pytest
from e2e_helpers import READY, expect_sample, open_review, wait_saved
from playwright.sync_api import Page, expect
from seeding import seed_project, seed_run

from turn_core.services import projects, review, samples, tags

pytestmark = pytest.mark.browser


@pytest.fixture
def project(server):
    project_id = seed_project(
        server.workspace, num_samples=80, num_images=20, name=f"queues {uuid.uuid4()}"
    )
    seed_run(server.workspace, project_id, num_issues=30)
    return project_id


def ids_of(server, project_id):
    return [int(i) for i in samples.label_snapshot(server.workspace, project_id).sample_ids]


def class_ids(server, project_id):
    return {info.name: info.class_id for info in projects.classes(server.workspace, project_id)}


def choose(page: Page, box: str, text: str) -> None:
    select = page.get_by_role("combobox", name=box)
    select.select_option(select.locator("option", has_text=text).first.get_attribute("value"))


def test_pair_narrows_the_queue_counts_live_and_outlives_a_reload(server, project, page, look):
    open_review(page, server, project)
    left = page.locator(".js-bar-left")
    expect(left).to_have_text("80 images in this queue")
    choose(page, "Pair", "dog → owl · 20")
    expect(left).to_have_text("20 images in this queue")
    look(page, "review_pair")
    page.keyboard.press("w")
    wait_saved(page, 1)
    expect(left).to_have_text("19 images in this queue")
    expect_sample(page, ids_of(server, project)[5])  # each fourth one is a dog
    page.reload()
    expect(left).to_have_text("19 images in this queue")
    assert "kind=pair" in page.url
    assert {event.queue for event in review.ledger(server.workspace, project)} == {"pair"}


def test_filters_combine_and_are_cleared_at_once(server, project, page: Page):
    open_review(page, server, project)
    left = page.locator(".js-bar-left")
    choose(page, "Label", "owl")
    expect(left).to_have_text("20 images in this queue")
    choose(page, "Queue", "Near the cut")
    expect(left).to_have_text("0 images in this queue")  # seeded: none near 0.6
    expect(page.locator(".finish")).to_contain_text("There is nothing to review here")
    page.get_by_role("button", name="Clear filters").click()
    expect(left).to_have_text("80 images in this queue")


def test_address_opens_a_queue_and_a_senseless_one_says_so(server, project, page: Page):
    classes = class_ids(server, project)
    address = f"{server.url}/review?project={project}"
    page.goto(f"{address}&given={classes['owl']}&suggested={classes['fox']}&low=0&high=0.1")
    expect(page.locator(".js-bar-range")).to_have_text("clean probability 0.0 – 0.1")
    expect_sample(page, ids_of(server, project)[2])
    page.goto(f"{address}&kind=pair")
    expect(page.get_by_test_id("stAlert")).to_contain_text("All samples are shown")
    expect(page.locator(".js-bar-left")).to_have_text("80 images in this queue")


def test_what_needs_review_is_opened_again_by_its_status(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("n")
    wait_saved(page, 1)
    choose(page, "Status", "Needs review")
    expect(page.locator(".js-bar-left")).to_have_text("1 image in this queue")
    expect(page.locator(".decided")).to_contain_text("Needs review")
    page.keyboard.press("q")
    wait_saved(page, 1)
    actions = [event.action for event in review.ledger(server.workspace, project)]
    assert actions == ["needs_review", "keep"]


def test_tag_from_elsewhere_is_a_queue(server, project, page: Page):
    chosen = ids_of(server, project)[40:43]
    tags.tag_samples(server.workspace, project, "odd ones", chosen, actor="ann")
    open_review(page, server, project)
    choose(page, "Tag", "odd ones")
    expect(page.locator(".js-bar-left")).to_have_text("3 images in this queue")
    expect_sample(page, chosen[0])


def test_keys_are_dead_while_a_filter_is_chosen(server, project, page: Page):
    open_review(page, server, project)
    page.get_by_role("combobox", name="Pair").focus()
    page.keyboard.press("q")
    page.wait_for_timeout(300)
    page.wait_for_selector(READY)
    assert review.ledger(server.workspace, project) == []
