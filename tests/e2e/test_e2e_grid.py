"""The grid in a real browser: moving, selecting, one decision for many, its undo and redo."""

import uuid
from collections import Counter

import pytest
from e2e_helpers import expect_position, open_review, wait_saved
from playwright.sync_api import Page, expect
from seeding import seed_project, seed_run

from turn_core.services import review, samples
from turn_core.types import Action, DecisionRequest, ReviewStatus

pytestmark = pytest.mark.browser


@pytest.fixture
def project(server):
    project_id = seed_project(
        server.workspace, num_samples=200, num_images=20, name=f"grid {uuid.uuid4()}"
    )
    seed_run(server.workspace, project_id, num_issues=100)
    return project_id


@pytest.fixture
def grid(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("g")
    expect(page.locator(".cell:visible")).to_have_count(60)
    return page


def cell(page: Page, place: int):
    return page.locator(".cell").nth(place)


def expect_selected(page: Page, number: int) -> None:
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(number)


def statuses(server, project_id):
    snapshot = samples.label_snapshot(server.workspace, project_id)
    found = (samples.get_sample(server.workspace, project_id, int(i)) for i in snapshot.sample_ids)
    return Counter(sample.status for sample in found)


def events_of(server, project_id):
    return review.ledger(server.workspace, project_id)


def test_suggestion_for_a_range_is_shown_first_saved_as_bulk_and_undone_at_once(
    server, project, grid: Page, look
):
    cell(grid, 2).click()
    cell(grid, 43).click(modifiers=["Shift"])
    expect_selected(grid, 42)
    look(grid, "review_grid")
    grid.keyboard.press("w")
    box = grid.get_by_role("dialog")
    expect(box).to_contain_text("Use the suggestion for 42 images")
    expect(box).to_contain_text("owl → fox")
    look(grid, "review_bulk")
    assert events_of(server, project) == []  # nothing is saved yet
    grid.keyboard.press("Enter")
    wait_saved(grid, 1)
    assert statuses(server, project)[ReviewStatus.RELABELED] == 42
    assert all(event.bulk for event in events_of(server, project))
    grid.keyboard.press("Control+z")
    wait_saved(grid, 2)
    assert statuses(server, project) == {ReviewStatus.PENDING: 200}
    grid.keyboard.press("Control+Shift+z")
    wait_saved(grid, 3)
    assert statuses(server, project)[ReviewStatus.RELABELED] == 42


def test_escape_leaves_the_preview_and_then_the_selection(server, project, grid: Page):
    grid.keyboard.press("Control+a")
    expect_selected(grid, 60)
    grid.keyboard.press("e")
    expect(grid.get_by_role("dialog")).to_contain_text("Exclude 60 images")
    grid.keyboard.press("Escape")
    expect(grid.get_by_role("dialog")).to_be_hidden()
    expect_selected(grid, 60)
    grid.keyboard.press("Escape")
    expect_selected(grid, 0)
    assert events_of(server, project) == []


def test_pair_and_cap_leave_images_out(server, project, grid: Page):
    grid.keyboard.press("Control+a")
    grid.keyboard.press("w")
    box = grid.get_by_role("dialog")
    box.get_by_role("checkbox", name="cat → dog").uncheck()
    expect(box).to_contain_text("45 images, 15 left out")
    cap = box.get_by_role("slider")
    cap.fill("71")  # the model gives each suggestion 0.7
    expect(box.get_by_role("button", name="Apply to 0 images")).to_be_disabled()
    cap.fill("70")
    grid.keyboard.press("Enter")
    wait_saved(grid, 1)
    assert statuses(server, project)[ReviewStatus.RELABELED] == 45


def test_arrows_move_the_frame_and_space_selects(server, project, grid: Page):
    per_row = grid.evaluate(
        """() => { const cells = document.querySelector('.stMain');
        const all = (n) => [...n.querySelectorAll('*')].flatMap(
          (e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
        const found = all(cells).filter((e) => e.matches('.cell'));
        return found.filter((e) => e.offsetTop === found[0].offsetTop).length; }"""
    )
    for key in ("ArrowRight", "ArrowDown", "Space", "Shift+ArrowRight", "Shift+ArrowRight"):
        grid.keyboard.press(key)
    expect_selected(grid, 3)
    expect_position(grid, per_row + 3)
    assert events_of(server, project) == []


def test_key_without_a_selection_decides_the_framed_image_only(server, project, grid: Page):
    grid.keyboard.type("qe")
    wait_saved(grid, 2)
    events = events_of(server, project)
    assert [(event.action, event.bulk) for event in events] == [("keep", False), ("exclude", False)]
    expect(cell(grid, 1)).to_contain_text("Excluded")
    expect_position(grid, 2)


def test_next_grid_comes_by_key_and_by_itself_once_all_is_decided(server, project, grid: Page):
    grid.keyboard.press("PageDown")
    expect(grid.locator(".cells")).to_have_attribute("data-start", "60")
    expect_position(grid, 60)
    grid.keyboard.press("Control+a")
    grid.keyboard.press("q")
    grid.keyboard.press("Enter")
    wait_saved(grid, 1)
    expect(grid.locator(".cells")).to_have_attribute("data-start", "120")
    grid.keyboard.press("PageUp")
    expect(cell(grid, 0)).to_contain_text("Kept")


def test_whole_queue_is_selected_by_a_second_press_loaded_or_not(server, page: Page):
    project = seed_project(server.workspace, num_samples=500, num_images=9, name="whole queue")
    seed_run(server.workspace, project, num_issues=100)
    open_review(page, server, project)
    page.keyboard.press("g")
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+a")
    expect(page.locator(".js-selected")).to_have_text("500 selected")
    page.keyboard.press("w")
    expect(page.get_by_role("dialog")).to_contain_text("Use the suggestion for 500 images")
    page.keyboard.press("Enter")
    wait_saved(page, 1)
    assert statuses(server, project) == {ReviewStatus.RELABELED: 500}
    expect(page.locator(".finish")).to_contain_text("The queue is done")
    page.keyboard.press("Control+z")
    wait_saved(page, 2)
    assert statuses(server, project) == {ReviewStatus.PENDING: 500}


def test_digit_and_search_label_all_that_are_selected(server, project, grid: Page):
    for place in (0, 4):
        cell(grid, place).click()
    chip = grid.locator(".chip").nth(1).locator("span").inner_text()
    grid.keyboard.press("2")
    expect(grid.get_by_role("dialog")).to_contain_text(f"Label as {chip}: 2 images")
    grid.keyboard.press("Escape")
    grid.keyboard.press("/")
    grid.keyboard.type("fox")
    grid.keyboard.press("Enter")
    expect(grid.get_by_role("dialog")).to_contain_text("Label as fox: 2 images")
    grid.keyboard.press("Enter")
    wait_saved(grid, 1)
    assert {event.action for event in events_of(server, project)} == {"relabel"}


def test_image_that_somebody_else_decided_stays_as_it_is(server, project, grid: Page):
    ids = samples.label_snapshot(server.workspace, project).sample_ids
    other = DecisionRequest(
        sample_id=int(ids[1]), version=0, action=Action.EXCLUDE, idem_key=uuid.uuid4().hex
    )
    review.record(server.workspace, project, [other], actor="ben")
    cell(grid, 0).click()
    cell(grid, 3).click(modifiers=["Shift"])
    grid.keyboard.press("q")
    grid.keyboard.press("Enter")
    wait_saved(grid, 1)
    expect(grid.locator(".note")).to_contain_text("1 image was decided by somebody else")
    found = statuses(server, project)
    assert (found[ReviewStatus.KEPT], found[ReviewStatus.EXCLUDED]) == (3, 1)


def test_double_click_opens_the_image_and_the_mode_outlives_a_reload(server, project, grid: Page):
    grid.reload()
    expect(grid.locator(".cell:visible")).to_have_count(60)
    cell(grid, 7).dblclick()
    expect(grid.locator(".js-image")).to_be_visible()
    expect_position(grid, 7)
    grid.keyboard.press("g")
    expect(grid.locator(".cell.current")).to_have_attribute("id", "turn-cell-7")
