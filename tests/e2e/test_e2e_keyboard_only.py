"""A whole session without a mouse, and what assistive technology finds on the page."""

import uuid
from collections import Counter

import pytest
from axe_playwright_python.sync_playwright import Axe
from e2e_helpers import expect_position, open_review, wait_saved
from playwright.sync_api import Page, expect
from seeding import seed_project, seed_run

from turn_core.services import projects, review, samples
from turn_core.types import ReviewStatus

pytestmark = pytest.mark.browser


@pytest.fixture
def project(server):
    project_id = seed_project(
        server.workspace, num_samples=130, num_images=20, name=f"hands {uuid.uuid4()}"
    )
    seed_run(server.workspace, project_id, num_issues=60)
    return project_id


def labels_of(server, project_id):
    """(status, current class name) of every sample, in the order of the queue."""
    names = {info.class_id: info.name for info in projects.classes(server.workspace, project_id)}
    snapshot = samples.label_snapshot(server.workspace, project_id)
    found = [samples.get_sample(server.workspace, project_id, int(i)) for i in snapshot.sample_ids]
    return [(sample.status, names[sample.current_class_id]) for sample in found]


def test_thirty_cards_by_keyboard_with_search_bulk_and_undo(server, project, page: Page):
    open_review(page, server, project)
    page.keyboard.type("qwqw2qens")  # nine cards
    page.keyboard.press("/")
    page.keyboard.type("fox")
    page.keyboard.press("Enter")  # the tenth
    wait_saved(page, 10)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.type("qq")  # nine and ten again
    wait_saved(page, 14)
    expect_position(page, 10)
    page.keyboard.press("g")
    expect(page.locator(".cell.current")).to_have_attribute("id", "turn-cell-10")
    for _ in range(19):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".js-selected")).to_have_text("20 selected")
    page.keyboard.press("w")
    expect(page.get_by_role("dialog")).to_contain_text("Use the suggestion for 20 images")
    page.keyboard.press("Enter")
    wait_saved(page, 15)
    page.keyboard.press("Control+z")
    wait_saved(page, 16)
    assert labels_of(server, project)[10][0] is ReviewStatus.PENDING
    page.keyboard.press("Control+Shift+z")
    wait_saved(page, 17)
    found = labels_of(server, project)
    assert Counter(status for status, _ in found[10:30]) == {ReviewStatus.RELABELED: 20}
    assert [status.value for status, _ in found[:10]] == [
        *("kept", "relabeled", "kept", "relabeled", "relabeled"),
        *("kept", "excluded", "needs_review", "kept", "kept"),
    ]
    assert all(status is ReviewStatus.PENDING for status, _ in found[30:])
    assert sum(event.bulk for event in review.ledger(server.workspace, project)) == 60


def focus_stops(page: Page, number: int) -> list[str]:
    """The accessible names of what Tab reaches, one after the other, from the card on."""
    page.locator(".card").focus()
    names = []
    for _ in range(number):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                """() => { let e = document.activeElement;
                while (e?.shadowRoot) e = e.shadowRoot.activeElement;
                const name = e.getAttribute('aria-label') || e.textContent;
                return name.replace(/\\s+/g, ' ').trim(); }"""
            )
        )
    return names


def test_tab_reaches_everything_in_the_order_of_sight(server, project, page: Page):
    open_review(page, server, project)
    stops = " | ".join(focus_stops(page, 26))
    wanted = ["Grid", "Digits", "Keys", "Queue", "Pair", "Label", "Status"]
    wanted += ["Keep cat", "Use dog", "1dog", "Find another class", "Exclude", "Skip", "Undo"]
    places = [stops.index(text) for text in wanted]
    assert places == sorted(places), stops


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical in our component: a node in its shadow tree."""
    return [
        f"{rule['id']}: {node['target']} {node['html'][:120]}"
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if isinstance(node["target"][0], list)
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_mode(server, project, page: Page, scheme):
    page.emulate_media(color_scheme=scheme)
    open_review(page, server, project)
    page.keyboard.press("h")
    page.keyboard.press("w")
    wait_saved(page, 1)
    assert serious(page) == [], "card"
    page.keyboard.press("c")
    assert serious(page) == [], "compare"
    page.keyboard.press("?")
    assert serious(page) == [], "keys"
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("Control+a")
    assert serious(page) == [], "grid"
    page.keyboard.press("w")
    assert serious(page) == [], "bulk"
