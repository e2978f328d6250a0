"""The review card in a real browser: order, saving, retry, conflict, undo, hostile names."""

import uuid

import pytest
from e2e_helpers import READY, ROOT, expect_position, open_review, until, wait_saved
from playwright.sync_api import Page, Route, expect
from seeding import seed_project, seed_run

from turn_core.services import projects, review, samples
from turn_core.types import Action, DecisionRequest, ReviewStatus

pytestmark = pytest.mark.browser
HOSTILE = (
    "![x](http://evil.example/x.png)",
    "<img src=http://evil.example/y.png onerror=alert(1)>",
    ":red[fox] $x$ **bold**",
    "[a](javascript:alert(1))",
)


@pytest.fixture
def project(server):
    project_id = seed_project(
        server.workspace, num_samples=80, num_images=20, name=f"animals {uuid.uuid4()}"
    )
    seed_run(server.workspace, project_id, num_issues=30)
    return project_id


def sample_number(server, project_id, number):
    """The sample that stands at this place of the queue, from 0."""
    snapshot = samples.label_snapshot(server.workspace, project_id)
    return samples.get_sample(server.workspace, project_id, int(snapshot.sample_ids[number]))


def positions(server, project_id, events):
    ids = list(samples.label_snapshot(server.workspace, project_id).sample_ids)
    return [ids.index(event.sample_id) for event in events]


def choose_label(page: Page, name: str) -> None:
    labels = page.get_by_role("combobox", name="Label")
    labels.select_option(labels.locator("option", has_text=name).get_attribute("value"))


def events_of(server, project_id):
    return review.ledger(server.workspace, project_id)


def test_first_visit_may_be_the_review_page(server, project, page: Page, look):
    open_review(page, server, project)
    number = len(list((ROOT / "pages").glob("*.py")))
    expect(page.get_by_test_id("stSidebarNavItems").get_by_role("link")).to_have_count(number)
    expect_position(page, 0)
    look(page, "review_seeded")


def test_twenty_keys_in_a_burst_reach_the_right_samples_in_order(server, project, page: Page):
    open_review(page, server, project)
    keys = "qwens" * 4
    for key in keys:
        page.keyboard.press(key, delay=0)
    wait_saved(page, 20)
    events = events_of(server, project)
    actions = {"q": "keep", "w": "relabel", "e": "exclude", "n": "needs_review", "s": "skip"}
    assert [event.action for event in events] == [actions[key] for key in keys]
    assert positions(server, project, events) == list(range(20))
    expect_position(page, 20)


def test_digit_chooses_the_class_shown_beside_it(server, project, page: Page):
    open_review(page, server, project)
    row = page.locator(".classes li").nth(2)
    name = row.locator(".label").inner_text()
    page.keyboard.press("3")
    wait_saved(page, 1)
    names = {info.class_id: info.name for info in projects.classes(server.workspace, project)}
    sample = sample_number(server, project, 0)
    assert names[sample.current_class_id] == name
    assert sample.status is ReviewStatus.RELABELED


def test_any_class_is_found_by_its_name(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("/")
    page.keyboard.type("fo")
    page.keyboard.press("Enter")
    wait_saved(page, 1)
    names = {info.class_id: info.name for info in projects.classes(server.workspace, project)}
    assert names[sample_number(server, project, 0).current_class_id] == "fox"


def test_undo_takes_back_the_last_decision_and_shows_its_card(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("w")
    page.keyboard.press("e")
    wait_saved(page, 2)
    page.keyboard.press("Control+z")
    wait_saved(page, 3)
    expect_position(page, 1)
    assert sample_number(server, project, 1).status is ReviewStatus.PENDING
    assert sample_number(server, project, 0).status is ReviewStatus.RELABELED


def test_arrows_move_without_deciding_and_show_what_was_decided(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.press("e")
    wait_saved(page, 1)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".decided")).to_contain_text("Excluded")
    page.keyboard.press("q")  # a changed decision is a new event
    wait_saved(page, 2)
    assert [event.action for event in events_of(server, project)] == ["exclude", "keep"]


def test_keys_are_dead_while_a_name_is_typed(server, project, page: Page):
    open_review(page, server, project)
    page.get_by_role("button", name="person").click()
    page.get_by_role("textbox", name="Reviewer").fill("qwe")
    page.keyboard.type("qwe")
    page.wait_for_timeout(300)
    assert events_of(server, project) == []


def test_lost_connection_keeps_the_card_and_saves_once_it_is_back(server, project, page: Page):
    open_review(page, server, project)
    weather = ["abort"]

    def flaky(route: Route) -> None:
        if weather == ["abort"]:
            route.abort()
        elif weather == ["lost answer"]:  # the server saves, but the browser never learns it
            weather[:] = ["fair"]
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/decisions", flaky)
    page.keyboard.press("w")
    expect(page.locator(".save")).to_contain_text("Not saved, retrying")
    expect_position(page, 0)
    weather[:] = ["lost answer"]
    wait_saved(page, 1)
    assert [event.action for event in events_of(server, project)] == ["relabel"]
    expect_position(page, 1)


def test_conflict_shows_both_decisions_and_asks(server, project, page: Page, look):
    open_review(page, server, project)
    other = DecisionRequest(
        sample_id=sample_number(server, project, 0).sample_id,
        version=0,
        action=Action.EXCLUDE,
        idem_key=uuid.uuid4().hex,
    )
    review.record(server.workspace, project, [other], actor="ben")
    page.keyboard.press("w")
    box = page.get_by_role("alertdialog")
    expect(box).to_contain_text("excluded")
    expect(box).to_contain_text("relabeled")
    look(page, "review_conflict")
    box.get_by_role("button", name="Save mine instead").click()
    wait_saved(page, 1)
    assert sample_number(server, project, 0).status is ReviewStatus.RELABELED
    assert next(event.actor for event in events_of(server, project)) == "ben"


def test_end_of_the_queue_offers_the_skipped_and_the_next_step(server, page: Page, look):
    project = seed_project(server.workspace, num_samples=6, name="six")
    seed_run(server.workspace, project, num_issues=3)
    open_review(page, server, project)
    for key in "qsqqqq":
        page.keyboard.press(key)
    wait_saved(page, 6)
    expect(page.locator(".finish")).to_contain_text("1 skipped image is left")
    look(page, "review_finished")
    page.get_by_role("button", name="Review the skipped").click()
    expect_position(page, 6)
    page.keyboard.press("q")
    wait_saved(page, 7)
    assert positions(server, project, events_of(server, project))[-1] == 1
    page.get_by_role("button", name="Train the next round").click()
    page.wait_for_url("**/runs*")


def test_help_lists_the_keys_and_closes_with_escape(server, project, page: Page, look):
    open_review(page, server, project)
    page.keyboard.press("?")
    sheet = page.locator(".sheet")
    expect(sheet).to_contain_text("Keep the given label")
    look(page, "review_help")
    page.keyboard.press("e")  # dead behind the sheet
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert events_of(server, project) == []


def test_queue_is_refilled_while_reviewing(server, project, page: Page):
    open_review(page, server, project)
    for _ in range(70):  # the page brings 50 candidates
        page.keyboard.press("q")
    wait_saved(page, 70)
    assert positions(server, project, events_of(server, project)) == list(range(70))


def test_hostile_class_names_are_text_everywhere(server, page: Page):
    project_id = seed_project(
        server.workspace, num_samples=12, class_names=HOSTILE, name="![p](http://evil.example/p)"
    )
    seed_run(server.workspace, project_id, num_issues=5)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    for path in ("", "data", "runs", "review", "export"):
        page.goto(f"{server.url}/{path}?project={project_id}")
        page.wait_for_selector(READY)
        page.wait_for_timeout(700)
    foreign = [url for url in asked if not url.startswith((server.url, "data:", "blob:", "ws"))]
    assert foreign == []


def test_web_process_never_loads_what_only_jobs_need(server, project, page: Page):
    for path in ("", "data", "runs", "review", "export"):
        page.goto(f"{server.url}/{path}?project={project}")
        page.wait_for_selector(READY)
    with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as lines:
        loaded = lines.read()
    for name in ("torch", "sklearn", "scipy", "transformers", "umap"):
        assert f"site-packages/{name}/" not in loaded


def test_slow_image_is_hidden_until_it_is_there(server, project, page: Page):
    held: list[Route] = []
    slow = [True]
    page.route("**/preview?*", lambda route: held.append(route) if slow else route.continue_())
    with page.expect_request("**/preview?*"):
        page.goto(f"{server.url}/review?project={project}")
    image = page.locator(".js-image")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    expect(image).to_be_hidden()
    slow.clear()
    for route in held:
        route.continue_()
    expect(image).to_be_visible()


def test_only_a_ranking_is_not_called_clean(server, page: Page):
    project = seed_project(server.workspace, num_samples=12, name="ranked only")
    seed_run(server.workspace, project, num_issues=0)
    open_review(page, server, project)
    expect(page.locator(".js-left")).to_have_text("12 left, most suspicious first")
    expect(page.locator(".js-note")).to_be_hidden()


def test_class_filter_starts_another_queue_and_keys_work_at_once(server, project, page: Page):
    open_review(page, server, project)
    choose_label(page, "dog")
    expect(page.locator(".js-given b")).to_have_text("dog")
    page.keyboard.press("e")
    wait_saved(page, 1)
    (event,) = events_of(server, project)
    assert positions(server, project, [event]) == [1]  # the first sample whose label is dog


def test_save_that_ends_in_another_queue_passes_over_none_of_its_cards(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.type("eee")
    wait_saved(page, 3)
    held: list[Route] = []
    page.route("**/decisions", lambda route: held.append(route))
    page.keyboard.press("e")
    choose_label(page, "dog")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    until(page, lambda: held, "the decision")
    held[0].continue_()
    expect(page.locator(".save")).to_contain_text("Saved")
    assert len(events_of(server, project)) == 4
    expect_position(page, 0)


def test_image_opens_with_its_labels_and_decisions(server, project, page: Page, look):
    sample = sample_number(server, project, 0)
    decided = DecisionRequest(
        sample_id=sample.sample_id, version=0, action=Action.EXCLUDE, idem_key=uuid.uuid4().hex
    )
    review.record(server.workspace, project, [decided], actor="ben")
    page.goto(f"{server.url}/data?project={project}")
    page.locator(f"button[data-sample='{sample.sample_id}']").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Given label")
    expect(dialog).to_contain_text("Excluded")
    picture = dialog.locator("img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    look(page, "data_detail")
